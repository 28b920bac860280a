// The page's course: choose a file, send it, follow the job, show the result.
import { decimals, percent } from "/static/format.js";
import { clear, make, show, tag } from "/static/result.js";

const POLL_MS = 400;
const MOST = 50; // files at a time: the service keeps the results of 64
const $ = (id) => document.getElementById(id);

let about = null;
let current = null; // { file, request, job } of the file that is being scored
let batch = []; // { file, result, reason, job } of the files that were chosen together

async function start() {
  $("file").addEventListener("change", () => choose([...$("file").files]));
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("cancel").addEventListener("click", () => { stop(); announce("Cancelled."); again(); });
  $("again").addEventListener("click", () => { stop(); again(); });
  $("report").addEventListener("click", report);
  addEventListener("pagehide", stop);
  for (const name of ["dragenter", "dragover"]) addEventListener(name, over);
  for (const name of ["dragleave", "drop"]) addEventListener(name, leave);
  addEventListener("drop", (event) => choose([...event.dataTransfer.files]));
  about = await (await fetch("/api/about")).json();
  $("model").textContent = about.model;
  $("version").textContent = about.version;
  $("trained").textContent = `${about.detector.trained} ${about.detector.tested}`;
  const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
  $("cautions").replaceChildren(...about.detector.warnings.map((text) => make("li", { textContent: sentence(text) })));
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

async function choose(files) {
  $("file").value = ""; // the same file can be chosen again
  if (!files.length) return;
  stop();
  clear();
  $("problem").hidden = true;
  $("files-card").hidden = true;
  if (files.length > MOST) {
    fail(`These are ${files.length} files; give at most ${MOST} at a time, or use ltw predict.`);
    return;
  }
  $("form").hidden = true;
  $("work").hidden = false;
  const mine = files.map((file) => ({ file, result: null, reason: null, job: null }));
  batch = mine;
  for (const [place, entry] of mine.entries()) {
    $("work-name").textContent = mine.length > 1 ? `${place + 1} of ${mine.length}: ${entry.file.name}` : entry.file.name;
    await score(entry);
    if (batch !== mine) return;
  }
  if (mine.length === 1 && mine[0].reason) fail(mine[0].reason);
  else finish();
}

async function score(entry) {
  const mine = { file: entry.file, request: new XMLHttpRequest() };
  current = mine;
  try {
    if (about && entry.file.size > about.limits.megabytes * 1e6) {
      throw new Error(`The file is larger than ${about.limits.megabytes} MB, the limit.`);
    }
    entry.job = (await send(mine)).id;
    mine.job = entry.job;
    entry.result = await follow(mine);
  } catch (error) {
    entry.reason = error.message;
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

function finish() {
  current = null;
  $("work").hidden = true;
  const suspicion = ({ result }) => result?.prediction.p_fake ?? -1;
  batch.sort((a, b) => suspicion(b) - suspicion(a));
  if (batch.length === 1) {
    announce(show(batch[0].file, batch[0].result));
    $("verdict").focus();
    return;
  }
  $("files-title").textContent = `${batch.length} files, the most suspect first`;
  $("files").replaceChildren(...batch.map(row));
  $("files-card").hidden = false;
  const first = batch.find((entry) => entry.result);
  announce(first ? `${batch.length} files. ${first.file.name}: ${show(first.file, first.result)}` : "None of the files could be scored.");
  if (!first) $("form").hidden = false;
  $("files-title").focus();
}

function row({ file, result, reason }) {
  const open = make("button", { type: "button", className: "quiet", textContent: file.name });
  open.addEventListener("click", () => { clear(); announce(show(file, result)); $("verdict").focus(); });
  const p = result?.prediction;
  return make("tr", {},
    make("td", {}, result ? open : file.name),
    make("td", {}, tag(p?.verdict ?? "error"), reason ? ` ${reason}` : ""),
    make("td", { textContent: p && p.p_fake !== null ? percent(p.p_fake, decimals(p)) : "–" }));
}

async function report() {
  const jobs = batch.filter((entry) => entry.result).map((entry) => `job=${encodeURIComponent(entry.job)}`);
  const answer = await fetch(`/api/report?${jobs.join("&")}`).catch(() => null);
  if (!answer?.ok) {
    const { error } = (await answer?.json().catch(() => null)) ?? {};
    $("reason").textContent = `The report: ${error ?? "the service cannot be reached."}`;
    $("problem").hidden = false;
    $("problem").focus();
    return;
  }
  const url = URL.createObjectURL(await answer.blob());
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "report.html";
  make("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

function fail(reason) {
  stop();
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
  $("files-card").hidden = true;
  $("form").hidden = false;
  $("file").focus();
}

// End what goes on, and let the service forget all results.
function stop() {
  const jobs = batch.map((entry) => entry.job).filter(Boolean);
  current?.request.abort();
  current = null;
  batch = [];
  for (const job of jobs) fetch(`/api/jobs/${job}`, { method: "DELETE", keepalive: true }).catch(() => {});
}

function announce(text) {
  $("status").textContent = text;
}

start();
