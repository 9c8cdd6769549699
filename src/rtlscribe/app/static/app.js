// The page: asks the server to write and to check, and shows what it says. What models say is set as text, never as HTML.

import { blockDiagram, waveform } from "./draw.js";

const at = (id) => document.getElementById(id);
const code = at("code");
const KEY = "rtlscribe-key";  // kept for this tab alone
let asked = "";  // the description that the code is for
let remarks = [];
let running = null;  // AbortController of the request under way

// ---- Talking to the server

async function ask(path, content) {
  const headers = { "Content-Type": "application/json" };
  const key = at("key").value || sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  const body = content === undefined ? undefined : JSON.stringify(content);
  const reply = await fetch(path, { method: body ? "POST" : "GET", headers, body, signal: running?.signal });
  at("locked").hidden = reply.status !== 401;
  if (reply.ok) {
    if (key) sessionStorage.setItem(KEY, key);
    return reply;
  }
  if (reply.status === 401) {
    sessionStorage.removeItem(KEY);
    at("key").focus();
  }
  const told = await reply.json().catch(() => null);
  throw new Error(told?.error?.message ?? `the server answered with status ${reply.status}`);
}

async function* events(reply) {
  let text = "";
  for await (const part of reply.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines)
      if (line.startsWith("data: ") && line !== "data: [DONE]") yield JSON.parse(line.slice(6));
  }
}

function wanted() {
  return { header: at("header").value, testbench: at("testbench").value, reference: at("reference").value };
}

// One piece of work at a time; what went wrong is told where the verdict would be.
async function work(told, doing) {
  running?.abort();
  const mine = (running = new AbortController());
  say(told, "");
  at("stop").hidden = false;
  try {
    await doing();
  } catch (error) {
    if (running === mine) say(mine.signal.aborted ? "stopped" : error.message, mine.signal.aborted ? "" : "failed");
  } finally {
    if (running === mine) {
      running = null;
      at("stop").hidden = true;
    }
  }
}

function write(messages) {
  return work("writing ...", async () => {
    const content = { messages, stream: true, rtlscribe: { ...wanted(), events: true } };
    const drafts = {}; // by answer: several may be under way, of which one is shown
    let shown = null, drawn = 0, said = "";
    clear();
    for await (const event of events(await ask("v1/chat/completions", content))) {
      if (event.error) throw new Error(event.error.message);
      const { piece, answer, drawn: ended, draft: judged, note } = event.rtlscribe ?? {};
      if (piece !== undefined) {
        drafts[answer] = (drafts[answer] ?? "") + piece;
        if (answer === (shown ??= answer)) show(drafts[answer]);
      }
      if (ended) {
        if (answer === shown) shown = null;
        say(`answer ${++drawn} drawn`, "");
      }
      if (note) say(note, "");
      if (judged) {
        const { passed, checks } = judged.judgement;
        shown = null;
        show(judged.code, judged.judgement.remarks);
        say(passed ? "checked" : `not passed: ${checks.at(-1).aspect} (${checks.at(-1).verdict.status})`, "");
      }
      said += event.choices?.[0]?.delta?.content ?? "";
    }
    show(/```verilog\n([^]*?)```/.exec(said)?.[1] ?? said);
    await checked();
  });
}

async function checked() {
  const content = { ...wanted(), code: code.value, waves: true };
  const { judgement, waves } = await (await ask("api/check", content)).json();
  tell(judgement);
  draw(judgement, waves);
}

// ---- Showing

function element(kind, text, name) {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

function say(text, kind) {
  at("verdict").textContent = text;
  at("verdict").className = kind;
}

function tell(judgement) {
  show(code.value, judgement.remarks);
  say(judgement.passed ? "Passed all that was checked" : "Not passed", judgement.passed ? "passed" : "failed");
  const lines = judgement.checks.map(({ aspect, verdict }) => {
    const passed = verdict.status === "passed";
    const detail = aspect === "elaboration" && passed ? "passed" : [verdict.status, verdict.detail].filter(Boolean).join(": ");
    return [aspect, `${detail} (${verdict.checker})`, passed ? "passed" : "failed"];
  });
  for (const [aspect, reason] of Object.entries(judgement.not_checked))
    lines.push([aspect, `not checked: ${reason}`, "unknown"]);
  at("checks").replaceChildren(...lines.map(([aspect, told, kind]) => {
    const item = document.createElement("li");
    item.append(element("span", aspect), element("span", told, kind));
    return item;
  }));
  at("remarks").replaceChildren(...judgement.remarks.map(({ line, severity, text }) => {
    const item = element("li", "", severity);
    const button = element("button", `line ${line}: ${severity}: ${text}`);
    button.type = "button";
    button.addEventListener("click", () => go(line));
    item.append(button);
    return item;
  }));
}

function draw({ top, ports }, waves) {
  at("interface-title").hidden = !ports.length;
  at("waves-title").hidden = !waves.length;
  at("interface").replaceChildren(...(ports.length ? [blockDiagram(top, ports)] : []));
  at("waves").replaceChildren(...(waves.length ? [waveform(waves)] : []));
}

function clear() {
  at("checks").replaceChildren();
  at("remarks").replaceChildren();
  draw({ ports: [] }, []);
}

function go(line) {
  const before = code.value.split("\n").slice(0, line - 1).join("\n").length;
  const place = line > 1 ? before + 1 : 0;
  code.focus();
  code.setSelectionRange(place, place);
  at("editor").scrollTo(0, (at("shown").children[line - 1]?.offsetTop ?? 0) - at("editor").clientHeight / 2);
}

// ---- The editor: a text area without colour over the same text with colours

const WORDS = new Set(
  ("always always_comb always_ff always_latch and assign automatic begin bit buf byte case casex casez const default " +
    "defparam disable else end endcase endfunction endgenerate endmodule endpackage endtask enum for forever function " +
    "generate genvar if import initial inout input int integer interface localparam logic longint module nand negedge " +
    "nor not or output package packed parameter posedge real reg repeat return shortint signed struct task time tri " +
    "type typedef union unique unsigned var void wait while wire xnor xor").split(" "));
const TOKEN = /(\/\/[^\n]*|\/\*[^]*?(?:\*\/|$))|("(?:\\.|[^"\\\n])*"?)|(`\w+)|((?:\d+\s*)?'[sS]?[bBoOdDhH]\s*[\da-fA-FxXzZ_?]+|\b\d[\d_]*\b)|(\$?[A-Za-z_][\w$]*)/g;
const KINDS = ["comment", "string", "directive", "number", "keyword"];

function* coloured(text) {
  let done = 0;
  for (const match of text.matchAll(TOKEN)) {
    const kind = KINDS[match.slice(1).findIndex((group) => group !== undefined)];
    if (kind === "keyword" && !WORDS.has(match[0]) && match[0][0] !== "$") continue;
    yield [text.slice(done, match.index), ""];
    yield [match[0], kind];
    done = match.index + match[0].length;
  }
  yield [text.slice(done), ""];
}

function show(text, found = []) {
  remarks = found;
  if (code.value !== text) code.value = text;
  const lines = [document.createElement("div")];
  for (const [part, kind] of coloured(text))
    part.split("\n").forEach((piece, place) => {
      if (place) lines.push(document.createElement("div"));
      if (piece) lines.at(-1).append(kind ? element("span", piece, kind) : piece);
    });
  for (const line of lines) line.className = "line";
  for (const { line, severity, text: told } of remarks) {
    const own = lines[line - 1];
    if (!own || own.querySelector(".told")) continue;
    own.classList.add(severity);
    own.append(element("span", told, "told"));
  }
  at("shown").replaceChildren(...lines);
  at("change").disabled = !text.trim() || !asked;
}

// ---- What the user does

const fenced = () => `\`\`\`verilog\n${code.value}\n\`\`\``;

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  asked = at("description").value;
  write([{ role: "user", content: asked }]);
});
at("change").addEventListener("click", () => {
  const wish = at("description").value;
  write([{ role: "user", content: asked }, { role: "assistant", content: fenced() }, { role: "user", content: wish }]);
});
at("check").addEventListener("click", () => work("checking ...", checked));
at("stop").addEventListener("click", () => running?.abort());
at("download").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([code.value], { type: "text/plain" }));
  link.download = `${/\bmodule\s+([A-Za-z_]\w*)/.exec(code.value)?.[1] ?? "design"}.v`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
code.addEventListener("input", () => {
  show(code.value);
  say("edited, not checked yet", "");
  clear();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  if (event.target === code) at("check").click();
  else at("ask").requestSubmit();
});

show("");
ask("v1/models").then(async (reply) => {
  const [{ id, description }] = (await reply.json()).data;
  at("model").textContent = `Model: ${id}`;
  at("notice").textContent = description;
}).catch((error) => say(error.message, "failed"));
