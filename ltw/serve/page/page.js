// The page's course: choose a file, send it, follow the job, show the result.
import { show, clear } from "/static/result.js";

const POLL_MS = 400;
const $ = (id) => document.getElementById(id);

let about = null;
let current = null; // { file, request, job } of the file that is being scored

async function start() {
  $("file").addEventListener("change", () => choose($("file").files[0]));
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("cancel").addEventListener("click", () => { stop(); announce("Cancelled."); again(); });
  $("again").addEventListener("click", again);
  addEventListener("pagehide", stop);
  for (const name of ["dragenter", "dragover"]) addEventListener(name, over);
  for (const name of ["dragleave", "drop"]) addEventListener(name, leave);
  addEventListener("drop", (event) => choose(event.dataTransfer.files[0]));
  about = await (await fetch("/api/about")).json();
  $("model").textContent = about.model;
  $("version").textContent = about.version;
  const { megabytes, megapixels, video_seconds: seconds } = about.limits;
  const length = seconds >= 120 ? `${Math.floor(seconds / 60)} minutes` : `${seconds} seconds`;
  $("limits").textContent = `Up to ${megabytes} MB; photographs up to ${megapixels} megapixels, videos up to ${length}.`;
}

function over(event) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  $("drop").classList.add("over");
}

function leave(event) {
  event.preventDefault();
  if (event.type === "drop" || event.relatedTarget === null) $("drop").classList.remove("over");
}

async function choose(file) {
  $("file").value = ""; // the same file can be chosen again
  if (!file) return;
  stop();
  clear();
  $("problem").hidden = true;
  const mine = { file, request: new XMLHttpRequest(), job: null };
  current = mine;
  $("form").hidden = true;
  $("work").hidden = false;
  $("work-name").textContent = file.name;
  try {
    if (about && file.size > about.limits.megabytes * 1e6) {
      throw new Error(`The file is larger than ${about.limits.megabytes} MB, the limit.`);
    }
    mine.job = (await send(mine)).id;
    const result = await follow(mine);
    if (mine === current) finish(file, result);
  } catch (error) {
    if (mine === current) fail(error.message);
  }
}

function send({ file, request }) {
  stage("Sending", 0, 1);
  announce(`Scoring ${file.name}.`);
  const form = new FormData();
  form.append("file", file);
  return new Promise((resolve, reject) => {
    request.open("POST", "/api/jobs");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => stage("Sending", event.loaded, event.total));
    request.addEventListener("error", () => reject(new Error("The service cannot be reached.")));
    request.addEventListener("load", () => {
      if (request.status === 202) resolve(request.response);
      else reject(new Error(refusal(request.response, request.getResponseHeader("Retry-After"))));
    });
    request.send(form);
  });
}

function refusal(answer, retry) {
  const reason = answer?.error ?? "The service gave no answer that this page understands.";
  return retry ? `${reason} (In about ${retry} s.)` : reason;
}

async function follow(mine) {
  for (let missed = 0; mine === current; await new Promise((go) => setTimeout(go, POLL_MS))) {
    let job;
    try {
      job = await (await fetch(`/api/jobs/${mine.job}`)).json();
      missed = 0;
    } catch {
      if (++missed > 10) throw new Error("The service cannot be reached.");
      continue;
    }
    if (job.state === "failed" || !job.state) throw new Error(job.error);
    if (job.state === "done") return job.result;
    if (job.state === "waiting") stage(job.ahead ? `Waiting; ${job.ahead} before it` : "Waiting");
    else if (!job.total) stage("Reading the file");
    else if (job.done < job.total) stage(job.total > 1 ? `Looking for faces: frame ${job.done} of ${job.total}` : "Looking for faces", job.done, job.total);
    else stage("Scoring the faces");
  }
  return null;
}

function stage(text, done, total) {
  $("stage").textContent = `${text} …`;
  const bar = $("progress");
  if (total > 1 || done) {
    bar.max = total;
    bar.value = done;
  } else bar.removeAttribute("value");
}

function finish(file, result) {
  forget();
  $("work").hidden = true;
  announce(show(file, result, about));
  $("verdict").focus();
}

function fail(reason) {
  forget();
  $("work").hidden = true;
  $("form").hidden = false;
  $("reason").textContent = reason;
  $("problem").hidden = false;
  $("problem").focus();
}

function again() {
  clear();
  $("work").hidden = true;
  $("problem").hidden = true;
  $("form").hidden = false;
  $("file").focus();
}

function stop() {
  current?.request.abort();
  forget();
}

function forget() {
  const job = current?.job;
  current = null;
  if (job) fetch(`/api/jobs/${job}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

function announce(text) {
  $("status").textContent = text;
}

start();
