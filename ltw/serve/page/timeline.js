// Each person's score over time; a click goes to the nearest scored frame.
import { CROWD, dashed, make, shade, sorted } from "/static/result.js";

const SVG = "http://www.w3.org/2000/svg";

function path(d, className) {
  const element = document.createElementNS(SVG, "path");
  element.setAttribute("d", d);
  element.setAttribute("class", className);
  return element;
}

// Draw it; `go` is called with the time that is clicked. Returns a function that marks one.
export function drawTimeline({ people, faces, threshold, real_below: low }, moments, go) {
  const plot = document.getElementById("plot");
  const start = moments[0];
  const span = moments.at(-1) - start;
  const x = (time) => (span ? (100 * (time - start)) / span : 0);
  const y = (p) => 100 - 100 * p;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.append(path("M0 0H100M0 50H100M0 100H100", "grid"), path(`M0 ${y(threshold)}H100V${y(low)}H0Z`, "doubt"), path(`M0 ${y(threshold)}H100M0 ${y(low)}H100`, "threshold"));
  for (const [rank, person] of [...sorted(people).entries()].reverse()) {
    const points = faces.filter((face) => face.person === person.number).map((face) => `${x(face.time)} ${y(face.p_fake)}`);
    const look = person.counts && rank < CROWD ? "" : " brief";
    const line = path(`M${points.join("L")}`, `line${look}${dashed(person.number) ? " dashed" : ""}`);
    const dots = path(points.map((point) => `M${point}h0`).join(""), `dots${look}`);
    for (const drawn of [line, dots]) {
      drawn.classList.add(shade(person.number));
      drawn.style.stroke = "var(--p)";
    }
    svg.append(line, dots);
  }
  const now = path("", "now");
  svg.append(now);
  const ticks = [["top", "100%"], ["middle", "50%"], ["bottom", "0%"]];
  plot.replaceChildren(...ticks.map(([className, textContent]) => make("span", { className: `y ${className}`, textContent })), svg);
  plot.onclick = (event) => {
    const { left, width } = plot.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
    go(start + share * span);
  };
  const label = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  document.getElementById("from").textContent = label(moments[0]);
  document.getElementById("to").textContent = label(moments.at(-1));
  return (place) => now.setAttribute("d", `M${x(moments[place])} 0V100`);
}
