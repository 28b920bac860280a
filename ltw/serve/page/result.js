// A result: verdict, the user's own picture or video with boxes, people, most suspect frames.
import { clock, decimals, inWords, percent, WORDS } from "/static/format.js";
import { drawTimeline } from "/static/timeline.js";

const $ = (id) => document.getElementById(id);
const COLOURS = 12; // of palette.css: .s0, .s1, ...
export const CROWD = 6; // faces from which on boxes have numbers alone, and people whose lines are faint
let urls = [];

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export const shade = (person) => `s${person % COLOURS}`;
export const dashed = (person) => Math.floor(person / COLOURS) % 2 === 1;

export function clear() {
  $("result").hidden = true;
  urls.forEach(URL.revokeObjectURL);
  urls = [];
  for (const id of ["stage-view", "plot", "people", "frames", "faces"]) $(id).replaceChildren();
}

// Show a result; returns it in a sentence.
export function show(file, result) {
  const { prediction } = result;
  const sentence = showVerdict(prediction);
  offerJson(prediction);
  const view = showFile(file, result);
  showPeople(prediction);
  showFrames(result, view);
  showFaces(result);
  $("result").hidden = false;
  return sentence;
}

function showVerdict(prediction) {
  const { p_fake: p, verdict, threshold, real_below: low, kind, people, unlike } = prediction;
  const digits = decimals(prediction);
  $("name").textContent = prediction.path;
  $("verdict").textContent = WORDS[verdict];
  $("verdict").className = verdict;
  $("score").textContent = p === null ? "" : percent(p, digits);
  $("score-bar").hidden = p === null;
  $("score-bar").className = `score-bar ${verdict}`;
  if (p !== null) {
    const part = (selector) => $("score-bar").querySelector(selector).style;
    part(".fill").width = `${100 * p}%`;
    part(".mark").left = `${100 * threshold}%`;
    Object.assign(part(".doubt"), { left: `${100 * low}%`, width: `${100 * (threshold - low)}%` });
  }
  const who = people.length > 1 ? "the most suspect of the people in it" : kind === "video" ? "the person in it" : "the face in it";
  const band = low < threshold ? `below ${inWords(low, digits)} it finds no sign of forgery, and between it cannot tell` : "below it finds no sign of forgery";
  const text = p === null
    ? `No face was found, so there is no score. That says nothing about whether the ${kind === "video" ? "video" : "picture"} is genuine.`
    : `The detector gives ${who} a score of ${inWords(p, digits)}. From ${inWords(threshold, digits)} on (the mark) it calls a face forged, ${band}. It may be wrong: see below.`;
  $("sentence").textContent = text;
  const signs = unlike.map((sign) => `Unlike what this detector knows: ${sign}. Trust the verdict less.`);
  $("unlike").replaceChildren(...signs.map((textContent) => make("li", { textContent })));
  $("warning").hidden = !prediction.warning;
  $("warning").textContent = prediction.warning ? `The file is damaged (${prediction.warning}); it was scored by what can be read.` : "";
  return [`${WORDS[verdict]}. ${text}`, ...signs].join(" ");
}

function offerJson(prediction) {
  const url = keep(new Blob([`${JSON.stringify(prediction, null, 2)}\n`], { type: "application/json" }));
  $("json").href = url;
  $("json").download = `${prediction.path.replace(/^.*[\\/]/, "")}.json`;
}

function keep(blob) {
  const url = URL.createObjectURL(blob);
  urls.push(url);
  return url;
}

// Show the user's own file; where the browser cannot, the most suspect frames must do.
function showFile(file, result) {
  const { prediction, size } = result;
  const video = prediction.kind === "video";
  $("view-title").textContent = video ? "Over time" : "In the picture";
  $("view").hidden = false;
  $("shown").textContent = "";
  const media = make(video ? "video" : "img", video ? { controls: true, muted: true, playsInline: true, preload: "auto" } : { alt: describe(prediction.faces, prediction) });
  const boxes = make("div", { className: "boxes" });
  media.addEventListener("error", () => {
    const shown = result.pictures[0];
    if (video || !shown) {
      media.remove();
      boxes.remove();
      $("shown").textContent = "This browser cannot show files of this format. The score stands all the same.";
    } else if (media.src !== shown.uri) media.src = shown.uri;
  });
  $("stage-view").replaceChildren(media, boxes);
  media.src = keep(file);
  $("timeline").hidden = !video || !prediction.faces.length;
  if (!video) {
    drawBoxes(boxes, prediction.faces, size, prediction);
    return () => {};
  }
  return followVideo(media, boxes, result);
}

// Boxes belong to the frames that were scored: they are shown when the video rests on one.
function followVideo(media, boxes, { prediction, size }) {
  if (!prediction.faces.length) return () => {};
  const moments = [...new Map(prediction.faces.map((face) => [face.frame, face.time])).values()];
  const at = (place) => prediction.faces.filter((face) => face.time === moments[place]);
  const span = moments.at(-1) - moments[0];
  const several = prediction.people.length > 1;
  const describe = (place) => `${clock(moments[place])}: ${at(place).toSorted((a, b) => b.p_fake - a.p_fake).map((face) => `${several ? `person ${face.person + 1} ` : ""}${percent(face.p_fake)}`).join(", ")}`;
  const move = drawTimeline(prediction, moments, (time) => go(nearest(time)));
  let place = 0;
  const nearest = (time) => moments.reduce((best, moment, i) => (Math.abs(moment - time) < Math.abs(moments[best] - time) ? i : best), 0);

  function mark(next) {
    place = next;
    $("moment").value = span ? (moments[place] - moments[0]) / span : 0;
    $("moment").setAttribute("aria-valuetext", describe(place));
    move(place);
  }
  function go(next) {
    media.pause();
    mark(next);
    drawBoxes(boxes, at(place), size, prediction);
    $("shown").textContent = `Frame at ${describe(place)}`;
    media.currentTime = moments[place] + 0.001;
  }
  function rest() {
    const near = nearest(media.currentTime);
    if (Math.abs(media.currentTime - moments[near]) < 0.02) {
      mark(near);
      drawBoxes(boxes, at(place), size, prediction);
    } else boxes.replaceChildren();
  }
  $("moment").oninput = () => go(nearest(moments[0] + $("moment").value * span));
  $("moment").onkeydown = (event) => {
    const last = moments.length - 1;
    const next = { ArrowLeft: place - 1, ArrowDown: place - 1, ArrowRight: place + 1, ArrowUp: place + 1, PageDown: place - 5, PageUp: place + 5, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    go(Math.min(last, Math.max(0, next)));
  };
  media.addEventListener("play", () => boxes.replaceChildren());
  media.addEventListener("timeupdate", () => { if (!media.paused) mark(nearest(media.currentTime)); });
  media.addEventListener("seeked", () => { if (media.paused) rest(); });
  const suspect = mostSuspect(prediction);
  const first = moments.indexOf(suspect ? suspect.time : moments[0]);
  media.addEventListener("loadeddata", () => go(first), { once: true });
  mark(first);
  return (time) => { go(nearest(time)); $("view").scrollIntoView({ block: "nearest" }); $("moment").focus(); };
}

function mostSuspect(prediction) {
  const who = prediction.people.filter((person) => person.counts).reduce((a, b) => (a && a.p_fake >= b.p_fake ? a : b), null);
  return prediction.faces.filter((face) => face.person === who?.number).reduce((a, b) => (a && a.p_fake >= b.p_fake ? a : b), null);
}

function drawBoxes(boxes, faces, [width, height], prediction) {
  const apart = prediction.people.length > 1;
  const crowded = faces.length > CROWD;
  const digits = decimals(prediction);
  boxes.replaceChildren(...faces.map((face) => {
    const [x0, y0, x1, y1] = face.box;
    const score = percent(face.p_fake, prediction.kind === "image" ? digits : 0);
    const label = crowded ? `${face.person + 1}` : `${apart ? `${face.person + 1} · ` : ""}${score}`;
    const box = make("span", { className: "box" }, make("b", { textContent: label }));
    box.classList.add(prediction.people.find((person) => person.number === face.person).verdict);
    box.classList.toggle("crowd", crowded);
    box.classList.toggle("low", y0 < 0.12 * height);
    box.classList.toggle("right", x0 > 0.8 * width);
    const share = { left: x0 / width, top: y0 / height, width: (x1 - x0) / width, height: (y1 - y0) / height };
    for (const [side, part] of Object.entries(share)) box.style[side] = `${100 * part}%`;
    return box;
  }));
}

function describe(faces, prediction) {
  if (!faces.length) return "The picture; no face was found in it";
  const scores = faces.map((face) => `${prediction.people.length > 1 ? `person ${face.person + 1}: ` : ""}${percent(face.p_fake)}`);
  return `${faces.length} face${faces.length > 1 ? "s" : ""}, boxed; ${scores.join(", ")}`;
}

function showPeople(prediction) {
  const { people, faces, kind } = prediction;
  const digits = decimals(prediction);
  $("people-card").hidden = people.length < 2;
  const frames = new Set(faces.map((face) => face.frame)).size;
  $("seen-title").hidden = kind === "image";
  $("people").replaceChildren(...sorted(people).map((person) => make("tr", {},
    make("th", { scope: "row" }, make("span", { className: `chip ${shade(person.number)}` }), `${person.number + 1}`),
    make("td", {}, person.counts ? tag(person.verdict) : make("span", { className: "muted", textContent: "seen too rarely to count" })),
    make("td", { hidden: kind === "image", textContent: `${person.frames} of ${frames}` }),
    make("td", { textContent: percent(person.p_fake, digits) }))));
}

export const sorted = (people) => people.toSorted((a, b) => b.counts - a.counts || b.p_fake - a.p_fake);
export const tag = (verdict) => make("span", { className: `tag ${verdict}`, textContent: WORDS[verdict] });

function showFrames(result, view) {
  const { prediction, pictures, size } = result;
  $("frames-card").hidden = prediction.kind === "image" || !prediction.faces.length;
  $("frames").replaceChildren(...pictures.map((picture) => {
    const boxes = make("div", { className: "boxes" });
    drawBoxes(boxes, picture.faces, size, prediction);
    const image = make("img", { src: picture.uri, alt: `Frame at ${clock(picture.time)}: ${describe(picture.faces, prediction)}` });
    const button = make("button", { type: "button", className: "quiet", textContent: `Show ${clock(picture.time)}` });
    button.addEventListener("click", () => view(picture.time));
    return make("li", {}, make("div", { className: "viewer" }, image, boxes), button);
  }));
}

function showFaces({ prediction, faces }) {
  $("faces-card").hidden = !faces.length;
  $("heat-note").hidden = !faces.some((view) => view.heat);
  $("faces").replaceChildren(...faces.map(({ face, crop, heat }) => {
    const where = prediction.kind === "video" ? ` at ${clock(face.time)}` : prediction.people.length > 1 ? `, person ${face.person + 1}` : "";
    const images = [make("img", { src: crop, alt: `Face${where}` })];
    if (heat) images.push(make("img", { src: heat, alt: "The same face with a heat map of where the evidence lies" }));
    return make("li", {}, ...images, make("span", { textContent: `${percent(face.p_fake)}${where}` }));
  }));
}
