
"use strict";
// Draws /openapi.json. Text goes into the page as text only, so nothing a document says can become markup.

const byId = (id) => document.getElementById(id);

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

// `code` between backticks; paragraphs and lists at blank lines
function inline(text) {
  return String(text || "").split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));
}
function prose(text) {
  return String(text || "").split("\n\n").filter(Boolean).map((paragraph) =>
    paragraph.startsWith("- ") ? el("ul", {}, el("li", {}, inline(paragraph.slice(2)))) : el("p", {}, inline(paragraph)));
}

let api;
const resolve = (schema) =>
  schema && schema.$ref ? { ...schema.$ref.split("/").slice(1).reduce((at, key) => at[key], api), ...schema } : schema || {};

function typeName(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop().replace(/\.Input$/, "").split(".").pop();
  if (schema.type === "array") return "list of " + typeName(schema.items);
  if (schema.type === "object" && schema.additionalProperties) return "map to " + typeName(schema.additionalProperties);
  return [].concat(schema.type || "any").join(" or ") + (schema.format ? " (" + schema.format + ")" : "");
}

function rulesOf(schema) {
  const words = { minLength: "at least {} characters", maxLength: "at most {} characters", minimum: "at least {}", maximum: "at most {}",
    minItems: "at least {} elements", maxItems: "at most {} elements", pattern: "like {}" };
  return Object.entries(words).filter(([key]) => key in schema).map(([key, text]) => text.replace("{}", schema[key])).join(", ");
}

// the message inside a schema, if there is one to unfold
function inner(schema) {
  if (schema.$ref) return schema;
  if (schema.type === "array") return inner(schema.items);
  if (schema.additionalProperties) return inner(schema.additionalProperties);
  return schema.properties ? schema : null;
}

function fields(schema) {
  const known = resolve(schema);
  if (known.enum) return el("div", {}, prose(known.description));
  const required = known.required || [];
  return el("ul", { class: "fields" }, Object.entries(known.properties || {}).map(([name, field]) => {
    const more = inner(field);
    const row = el("li", {}, el("p", {}, el("code", {}, name), " ",
      el("span", { class: "dim" }, [typeName(field), required.includes(name) ? "required" : "", field.readOnly && known.additionalProperties === false ? "ignored" : "", field.deprecated ? "deprecated" : "", rulesOf(field)].filter(Boolean).join(" · "))),
      prose(field.description));
    if (more) {
      const unfold = el("details", {}, el("summary", {}, typeName(more)));
      unfold.addEventListener("toggle", () => { if (unfold.open && unfold.childElementCount === 1) unfold.append(fields(more)); });
      row.append(unfold);
    }
    return row;
  }));
}

let count = 0;
function input(parameter) {
  const id = "field" + ++count;
  const schema = resolve(parameter.schema);
  const hint = [typeName(parameter.schema), rulesOf(schema)].filter(Boolean).join(" · ");
  const attributes = { id, name: parameter.name, "data-in": parameter.in, required: parameter.required, placeholder: parameter.example, autocomplete: "off", "aria-describedby": id + "hint" };
  const label = el("label", { for: id }, el("code", {}, parameter.name), parameter.required ? " (required)" : "");
  const hintNode = el("span", { class: "dim", id: id + "hint" }, hint, " ", inline(parameter.description));
  const list = schema.enum && el("datalist", { id: id + "list" }, schema.enum.map((value) => el("option", { value })));
  if (list) attributes.list = id + "list";
  return el("div", {}, label, el("input", attributes), list, hintNode);
}

function bodyInput(operation) {
  if (!operation.requestBody) return null;
  const id = "field" + ++count;
  const json = operation.requestBody.content["application/json"];
  if (!json) return el("div", {}, el("label", { for: id }, "File"), el("input", { id, type: "file", "data-in": "file" }));
  return el("div", {}, el("label", { for: id }, "Body (JSON)"),
    el("textarea", { id, "data-in": "body", spellcheck: "false" }, JSON.stringify(json.example, null, 2)), fields(json.schema));
}

function request(form, path, method, parameters) {
  const query = new URLSearchParams();
  const headers = {};
  let body;
  let url = path.replace("{tenant}", encodeURIComponent(byId("tenant").value || "it"));
  for (const field of form.querySelectorAll("[data-in]")) {
    const { in: place } = field.dataset;
    if (place === "path") url = url.replace("{" + field.name + "}", encodeURIComponent(field.value));
    if (place === "query" && field.value !== "") {
      const list = resolve(parameters.find((parameter) => parameter.name === field.name).schema).type === "array";
      for (const value of list ? field.value.split(",") : [field.value]) query.append(field.name, value.trim());
    }
    if (place === "header" && field.value !== "") headers[field.name] = field.value;
    if (place === "body") { body = field.value; headers["content-type"] = "application/json"; }
    if (place === "file" && field.files[0]) { body = field.files[0]; headers["content-type"] = body.type || "application/octet-stream"; }
  }
  if (byId("token").value) headers.authorization = "Bearer " + byId("token").value;
  return [query.size ? url + "?" + query : url, { method: method.toUpperCase(), headers, body }];
}

async function show(response, output) {
  const type = response.headers.get("content-type") || "";
  const pre = el("pre", { tabindex: "0" });
  output.replaceChildren(el("p", { class: response.ok ? "good" : "bad" }, response.status + " " + type), pre);
  if (type.includes("json")) {
    pre.textContent = JSON.stringify(await response.json(), null, 2);
  } else if (type.startsWith("text/event-stream")) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let read; !(read = await reader.read()).done;) pre.append(read.value);
  } else {
    const file = await response.blob();
    const link = el("a", { href: URL.createObjectURL(file), download: "file" }, "Save");
    pre.replaceWith(el("p", {}, file.size + " bytes. ", link));
  }
}

function tryIt(path, method, operation, parameters) {
  const output = el("div", { role: "status" });
  const stop = el("button", { type: "button", hidden: true }, "Stop");
  const form = el("form", {}, parameters.filter((parameter) => parameter.name !== "tenant").map(input), bodyInput(operation),
    el("button", {}, "Send"), stop);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const abort = new AbortController();
    stop.hidden = false;
    stop.onclick = () => abort.abort();
    const [url, options] = request(form, path, method, parameters);
    try {
      await show(await fetch(url, { ...options, signal: abort.signal }), output);
    } catch (fault) {
      output.append(el("p", { class: "bad" }, String(fault)));
    }
    stop.hidden = true;
  });
  return [form, output];
}

function details(path, method, operation) {
  const parameters = operation.parameters.map((parameter) => ({ ...resolve(parameter) }));
  const content = Object.entries(operation.responses["200"].content);
  return el("div", { class: "inside" }, prose(operation.description),
    el("p", { class: "dim" }, "gRPC: ", el("code", {}, operation["x-koine-grpc"])),
    el("h3", {}, "Try it"), tryIt(path, method, operation, parameters),
    el("h3", {}, "Answer"), prose(operation.responses["200"].description),
    content.map(([type, body]) => el("div", {}, el("p", { class: "dim" }, type), fields(body.schema))));
}

function methodNode(path, method, operation) {
  const node = el("details", { class: "method", id: operation.operationId },
    el("summary", {}, el("span", { class: "verb" }, method.toUpperCase()), " ", el("span", { class: "path" }, path), " ",
      el("span", { class: "dim" }, inline(operation.summary))));
  node.dataset.words = [path, operation.operationId, operation.description].join(" ").toLowerCase();
  node.addEventListener("toggle", () => {
    if (node.open && node.childElementCount === 1) node.append(details(path, method, operation));
  });
  return node;
}

function draw() {
  const main = byId("methods");
  const operations = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })));
  for (const tag of api.tags) {
    const id = "service-" + tag.name;
    const mine = operations.filter(({ operation }) => operation.tags.includes(tag.name));
    main.append(el("section", { "aria-labelledby": id }, el("h2", { id }, tag.name), prose(tag.description),
      mine.map(({ path, method, operation }) => methodNode(path, method, operation))));
    byId("services").append(el("li", {}, el("a", { href: "#" + id }, tag.name)));
  }
  byId("state").replaceWith(el("div", {}, prose(api.info.description)));
  openTarget();
}

function find() {
  const words = byId("find").value.toLowerCase().split(/\s+/);
  for (const node of document.querySelectorAll(".method")) node.hidden = !words.every((word) => node.dataset.words.includes(word));
  for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector(".method:not([hidden])");
}

function openTarget() {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches(".method")) { target.open = true; target.scrollIntoView(); }
}

byId("caller").addEventListener("submit", (event) => event.preventDefault());
byId("find").addEventListener("input", find);
addEventListener("hashchange", openTarget);
fetch("/openapi.json").then((response) => response.json()).then((document) => { api = document; draw(); })
  .catch((fault) => { byId("state").textContent = "The document could not be read: " + fault; });
