// The OpenAPI schema, laid out to be read.
import { make } from "/static/result.js";

const schema = await (await fetch("/openapi.json")).json();

function typeName(type) {
  if (!type) return "";
  if (type.$ref) return type.$ref.split("/").at(-1);
  if (type.anyOf) return type.anyOf.map(typeName).join(" or ");
  if (type.enum) return type.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (type.prefixItems) return `[${type.prefixItems.map(typeName).join(", ")}]`;
  return type.type === "array" ? `list of ${typeName(type.items)}` : (type.format ?? type.type ?? "any");
}

const plain = (text) => (text ?? "").replaceAll("`", "");

function curl(verb, path, operation) {
  const method = verb === "get" ? "" : ` -X ${verb.toUpperCase()}`;
  const send = operation.requestBody ? " -F file=@photo.jpg" : method;
  return `curl${send} ${location.origin}${path}`;
}

function table(titles, rows) {
  const head = make("tr", {}, ...titles.map((textContent) => make("th", { scope: "col", textContent })));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((textContent) => make("td", { textContent }))));
  return make("div", { className: "wide" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

for (const [path, verbs] of Object.entries(schema.paths)) {
  for (const [verb, operation] of Object.entries(verbs)) {
    const answers = Object.entries(operation.responses).filter(([status]) => status !== "422" || operation.requestBody);
    document.getElementById("operations").append(make("section", { className: "card" },
      make("h2", {}, make("span", { className: "verb", textContent: verb.toUpperCase() }), make("code", { textContent: path })),
      make("p", { textContent: plain(operation.description) }),
      make("pre", {}, make("code", { textContent: curl(verb, path, operation) })),
      table(["Status", "Meaning", "Answer"], answers.map(([status, { description, content }]) => [
        status, plain(description), typeName(Object.values(content ?? {})[0]?.schema)]))));
  }
}
const shown = Object.entries(schema.components.schemas).filter(([name]) => !name.endsWith("ValidationError"));
for (const [name, model] of shown) {
  document.getElementById("models").append(
    make("h3", { textContent: name }),
    make("p", { className: "muted lines", textContent: plain(model.description) }),
    table(["Key", "Type"], Object.entries(model.properties ?? {}).map(([key, type]) => [key, typeName(type)])));
}
