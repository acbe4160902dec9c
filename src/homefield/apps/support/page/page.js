// Talks to the server: messages, what a human writes meanwhile, corrections, signing in.

import { bubble, element, inspector, language, say, words } from "/page/view.js";

const find = (id) => document.getElementById(id);
const log = find("log");
const text = find("text");
const state = { service: null, conversation: null, number: 0, last: null, busy: false };

class Problem extends Error {
  constructor(status, told) {
    super([told.detail, told.next].filter(Boolean).join(" ") || words.unreachable);
    this.status = status;
  }
}

async function call(path, { method = "GET", body, key } = {}) {
  const headers = { "accept-language": language };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  let reply;
  try {
    reply = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Problem(0, {});
  }
  const told = reply.status === 204 ? {} : await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Problem(reply.status, told);
  return told;
}

const at = (rest) => `/v1/support/${encodeURIComponent(state.service)}/${rest}`;
const here = () => at(`conversations/${encodeURIComponent(state.conversation)}`);
const kept = () => `homefield.conversation.${state.service}`;

function trouble(error) {
  const place = find("trouble");
  place.textContent = error ? error.message : "";
  place.hidden = !error;
  if (error?.status === 401) askKey();
}

function showState(name) {
  const place = find("state");
  place.textContent = name ? words[`state.${name}`] : "";
  place.dataset.state = name ?? "";
  find("back").hidden = name !== "waiting" && name !== "human";
}

function add(message) {
  find("empty").hidden = true;
  log.append(bubble(message, { choose: send, look }));
  log.scrollTop = log.scrollHeight;
  if (message.number) state.number = Math.max(state.number, message.number);
}

function clear() {
  for (const each of log.querySelectorAll(".bubble, .waiting")) each.remove();
  find("empty").hidden = false;
  find("inspector").replaceChildren(element("p", { class: "empty" }, words.nothing_yet));
  find("correct").hidden = true;
  Object.assign(state, { conversation: null, number: 0, last: null });
  showState(null);
  trouble(null);
}

function look(message) {
  find("inspector").replaceChildren(...inspector(message));
  state.last = message;
  offerCorrection(message);
  showPart("inside");
}

function offerCorrection(message) {
  const options = [element("option", { value: "" }, words.new_answer)]; // first, so that nothing is taught by one careless click
  const known = new Map();
  for (const one of [...message.choices, ...message.runners_up]) known.set(one.answer, one.title);
  for (const one of message.nearest) if (!known.has(one.answer)) known.set(one.answer, one.question);
  known.delete(message.answer);
  for (const [answer, title] of known) options.push(element("option", { value: answer }, `${answer}: ${title}`));
  find("right").replaceChildren(...options);
  find("question").value = message.asked ?? "";
  find("saved").textContent = "";
  find("new-answer").hidden = find("right").value !== "";
  find("correct").hidden = false;
}

function showPart(name) {
  document.querySelector("main").dataset.part = name;
  find("tab-chat").setAttribute("aria-pressed", String(name === "chat"));
  find("tab-inside").setAttribute("aria-pressed", String(name === "inside"));
}

async function send(said) {
  if (state.busy || !said.trim() || !state.service) return;
  state.busy = true;
  trouble(null);
  add({ speaker: "customer", text: said, at: new Date().toISOString() });
  const waiting = element("p", { class: "waiting", role: "status" }, words.thinking);
  log.append(waiting);
  log.scrollTop = log.scrollHeight;
  try {
    const body = { text: said, delivery: crypto.randomUUID?.() ?? String(Math.random()) };
    if (state.conversation) body.conversation = state.conversation;
    const told = await call(at("messages"), { method: "POST", body });
    state.conversation = told.conversation;
    sessionStorage.setItem(kept(), told.conversation);
    showState(told.state);
    if (told.reply) {
      const message = { ...told.reply, asked: told.asked };
      add(message);
      find("inspector").replaceChildren(...inspector(message));
      offerCorrection(message);
    }
  } catch (error) {
    trouble(error);
  } finally {
    waiting.remove();
    state.busy = false;
    text.focus();
    hearHumans(); // what came while this was on its way
  }
}

async function hearHumans() {
  if (!state.conversation || state.busy) return;
  try {
    const told = await call(`${here()}/messages?after=${state.number}`);
    showState(told.state);
    for (const message of told.messages) {
      // Events that come together ask at the same time, and each is told all.
      if (message.number <= state.number) continue;
      if (message.speaker === "human") add(message);
      else state.number = message.number;
    }
  } catch (error) {
    trouble(error);
  }
}

async function goOn() {
  clear();
  const known = sessionStorage.getItem(kept());
  if (!known) return;
  state.conversation = known;
  try {
    const told = await call(here());
    let asked = "";
    for (const message of told.messages) {
      if (message.speaker === "customer") asked = message.asked;
      add({ ...message, asked });
    }
    showState(told.state);
  } catch {
    sessionStorage.removeItem(kept());
    clear();
  }
}

async function begin() {
  trouble(null);
  try {
    const told = await call("/v1/support");
    find("service").replaceChildren(...told.support.map((name) => element("option", { value: name }, name)));
    state.service = told.support[0] ?? null;
    find("service").parentElement.hidden = told.support.length < 2;
    text.disabled = state.service === null;
    find("empty").textContent = state.service === null ? words.no_service : words.empty;
    if (state.service) await goOn();
    const events = new EventSource("/v1/events?topics=conversation");
    events.addEventListener("conversation", (event) => {
      if (JSON.parse(event.data).conversation === state.conversation) hearHumans();
    });
  } catch (error) {
    trouble(error);
  }
}

function askKey() {
  if (!find("door").open) find("door").showModal();
}

function grow() {
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
}

find("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = text.value;
  if (state.busy || !said.trim()) return;
  text.value = "";
  grow();
  send(said);
});

text.addEventListener("input", grow);
text.addEventListener("keydown", (event) => {
  // The Enter that takes a candidate of an input method is not one that sends.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  find("write").requestSubmit();
});

find("fresh").addEventListener("click", () => {
  sessionStorage.removeItem(kept());
  clear();
  showPart("chat");
  text.focus();
});

find("back").addEventListener("click", async () => {
  try {
    showState((await call(`${here()}/return`, { method: "POST" })).state);
  } catch (error) {
    trouble(error);
  }
});

find("service").addEventListener("change", async (event) => {
  state.service = event.target.value;
  await goOn();
});

find("tab-chat").addEventListener("click", () => showPart("chat"));
find("tab-inside").addEventListener("click", () => showPart("inside"));
find("right").addEventListener("change", (event) => {
  find("new-answer").hidden = event.target.value !== "";
});

find("correct").addEventListener("submit", async (event) => {
  event.preventDefault();
  const saved = find("saved");
  const body = { question: find("question").value, why: find("why").value };
  if (find("right").value) body.answer = find("right").value;
  else body.text = find("new-text").value;
  if (!body.answer && !body.text.trim()) {
    find("new-text").focus();
    return;
  }
  try {
    const told = await call(at("corrections"), { method: "POST", body });
    saved.classList.remove("bad");
    saved.textContent = say("saved", { answer: told.answer });
    find("why").value = "";
    find("new-text").value = "";
  } catch (error) {
    saved.classList.add("bad");
    saved.textContent = error.message;
    if (error.status === 401) askKey();
  }
});

find("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = find("door-trouble");
  try {
    await call("/v1/session", { method: "POST", body: { key: find("key").value } });
    find("key").value = "";
    place.hidden = true;
    find("door").close();
    await begin();
  } catch (error) {
    place.textContent = error.message;
    place.hidden = false;
  }
});

begin();
