// What the page shows, made of elements and text alone: nothing that comes from outside is ever read as markup.

export const words = JSON.parse(document.documentElement.dataset.words);
export const language = document.documentElement.dataset.language;

export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function percent(share) {
  return new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 0 }).format(share);
}

function bar(share) {
  const bounded = Math.max(0, Math.min(1, share));
  return element("meter", { min: "0", max: "1", value: String(bounded), "aria-hidden": "true" });
}

function clock(at) {
  const time = new Date(at);
  const written = time.toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit" });
  return element("time", { datetime: at }, written);
}

// How sure a reply is says something only where there is an answer to be sure of, not where the bot passed.
function sure(message) {
  return message.answer || (message.decision === "clarify" && message.confidence > 0) ? percent(message.confidence) : null;
}

export function bubble(message, { choose, look }) {
  const made = element("article", { class: `bubble ${message.speaker}`, "data-number": message.number ?? "" });
  const who = message.speaker === "human" && message.author ? message.author : words[`speaker.${message.speaker}`];
  made.append(element("p", { class: "who" }, who, message.at ? clock(message.at) : null));
  made.append(element("p", { class: "said" }, message.text));
  if (message.choices?.length) {
    const buttons = message.choices.map((one) =>
      element("button", { type: "button", class: "choice", onclick: () => choose(one.title) }, one.title),
    );
    made.append(element("div", { class: "choices" }, ...buttons));
  }
  if (message.decision) {
    const text = [words[`decision.${message.decision}`], sure(message)].filter(Boolean).join(" · ");
    made.append(element("button", { type: "button", class: "look", onclick: () => look(message) }, text));
  }
  return made;
}

function facts(pairs) {
  const made = element("dl", { class: "facts" });
  for (const [name, value] of pairs) made.append(element("dt", {}, name), element("dd", {}, value));
  return made;
}

function ranked(title, rows) {
  if (!rows.length) return null;
  const items = rows.map(({ text, beside, share }) =>
    element("li", {},
      element("span", { class: "ranked-text" }, text),
      element("span", { class: "ranked-share" }, percent(share)),
      bar(share),
      beside ? element("span", { class: "ranked-beside" }, beside) : null,
    ),
  );
  return element("section", { class: "ranked" }, element("h3", {}, title), element("ol", {}, ...items));
}

export function inspector(message) {
  const known = sure(message);
  const offered = new Set(message.choices.map((one) => one.answer));
  const others = message.runners_up.filter((one) => !offered.has(one.answer));
  const pairs = [[words.reason, message.why]];
  if (message.answer) pairs.push([words.answer, message.answer]);
  if (message.missing) pairs.push([words.missing, message.missing]);
  pairs.push([words.release, message.release]);
  return [
    element("div", { class: `verdict ${message.decision}` },
      element("span", { class: "badge" }, words[`decision.${message.decision}`]),
      ...(known
        ? [
            element("span", { class: "sure" }, known),
            element("span", { class: "sure-of" }, words.confidence),
            bar(message.confidence),
          ]
        : []),
    ),
    facts(pairs),
    ranked(words.options, message.choices.map((one) => ({ text: one.title, beside: one.answer, share: one.confidence }))),
    ranked(words.evidence, message.nearest.map((one) => ({ text: one.question, beside: one.answer, share: one.similarity }))),
    ranked(words.runners_up, others.map((one) => ({ text: one.title, beside: one.answer, share: one.confidence }))),
  ].filter((part) => part !== null);
}
