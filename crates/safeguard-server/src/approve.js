// Shows the dossier of a release as it is signed, and signs it with a passkey.
"use strict";

const release = location.pathname.split("/").pop();
const path = `/api/v1/releases/${release}`;
const ANOTHER_LINK = `safeguard approve ${release} --passkey`;
const VERBS = { approve: "Approved", reject: "Rejected", withdraw: "Taken back" };
/** Phases in which there is nothing to approve any more. */
const OVER = {
  live: "This release is live: there is nothing to approve.",
  rolling_back: "This release is being rolled back: there is nothing to approve.",
  rolled_back: "This release was rolled back: there is nothing to approve.",
  rollback_failed: "The rollback of this release has failed: see `safeguard status`. There is nothing to approve.",
  superseded: "This release was superseded by a newer one: there is nothing to approve.",
};

async function digest(text) {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}

function hex(buffer) {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What is signed must be what was asked for and what is shown, whatever the server says. */
async function asShown(request, decision) {
  const statement = JSON.parse(request.text);
  const dossier = `sha256:${hex(await digest(request.dossier))}`;
  const same = statement.release === release && statement.decision === decision && statement.dossier === dossier;
  if (!same) throw new Error("The server gave another statement than was asked for. Nothing was signed.");
  return request;
}

async function ask(decision, reason) {
  const spec = { decision, ...(reason ? { reason } : {}) };
  return asShown(await call("POST", `${path}/approvals/request`, spec), decision);
}

/** The statement that names the dossier on this page. */
let shown;

async function sign(decision) {
  const reason = document.getElementById("reason").value.trim();
  if (decision === "reject" && !reason) throw new NotYet("Say first, in the field above, what must change.");
  // What is approved is the very text that was read.
  const request = decision === "approve" ? shown : await ask(decision, reason);
  const keys = await enrolled();
  if (keys.length === 0) {
    throw new NotYet("Nobody has a passkey yet. An administrator runs `safeguard passkey invite --person NAME` for you.");
  }
  const assertion = await navigator.credentials.get({
    publicKey: {
      rpId: location.hostname,
      challenge: await digest(request.text),
      userVerification: "required",
      allowCredentials: named(keys),
    },
  });
  const { authenticatorData, clientDataJSON, signature } = assertion.response;
  return call("POST", `${path}/approvals`, {
    text: request.text,
    signature: {
      kind: "passkey",
      credential: encode(assertion.rawId),
      authenticator_data: encode(authenticatorData),
      client_data: encode(clientDataJSON),
      signature: encode(signature),
    },
  });
}

/** What a statement speaks of. Its dossier is none of it here: the log that it quotes grows with every question. */
function spokenOf({ digest, changes, replaces, environment, evidence_root, policy, policy_in_force }) {
  return JSON.stringify([digest, changes, replaces, environment, evidence_root, policy, policy_in_force]);
}

/** Puts a statement and its dossier on the page. Returns whether it speaks of something else than the one before. */
function show(request, version) {
  const { statement, text, dossier } = request;
  const changed = shown !== undefined && spokenOf(shown.statement) !== spokenOf(statement);
  shown = request;
  const article = document.getElementById("dossier");
  article.replaceChildren(...rendered(dossier));
  article.setAttribute("aria-busy", "false");
  document.getElementById("digest").textContent = statement.dossier;
  document.getElementById("statement").textContent = visible(text);
  const until = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const title = `Approve ${statement.service} ${version} for ${statement.environment}?`;
  document.getElementById("title").textContent = title;
  document.title = `${title} – safeguard`;
  const facts = [
    ["release", statement.release],
    ["artifact", statement.digest],
    ["holds until", until(statement.expires)],
    ["to be signed before", until(request.sign_before)],
  ];
  const list = document.getElementById("facts");
  list.replaceChildren(...facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
  return changed;
}

/** Words of an AI tool may hold what turns the direction of what follows, or is not seen: it is shown as a mark. */
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, "\ufffd");
}

/** Markdown as the dossier has it: headings, lists, tables, quotes, code. Everything is text. */
function rendered(markdown) {
  const blocks = [];
  const lines = visible(markdown).split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    const fence = line.match(/^(`{3,})/);
    const heading = line.match(/^(#{1,4}) (.*)/);
    if (fence) {
      const code = [];
      for (at++; at < lines.length && !lines[at].startsWith(fence[1]); at++) code.push(lines[at]);
      blocks.push(codeBlock(code));
    } else if (heading) {
      blocks.push(inline(element(`h${Math.min(heading[1].length + 2, 6)}`), heading[2]));
    } else if (/^\|/.test(line)) {
      const rows = [];
      for (; at < lines.length && /^\|/.test(lines[at]); at++) rows.push(lines[at]);
      at--;
      blocks.push(tableOf(rows));
    } else if (/^\s*[-*] /.test(line)) {
      const list = element("ul");
      for (; at < lines.length && /^\s*[-*] /.test(lines[at]); at++) {
        const box = { "[x] ": "☑ ", "[ ] ": "☐ " };
        const text = lines[at].replace(/^\s*[-*] /, "").replace(/^\[[x ]\] /, (found) => box[found]);
        const item = inline(element("li"), text);
        if (/^[☑☐]/.test(text)) item.className = "box";
        if (/^\s/.test(lines[at])) item.className = "deeper";
        list.append(item);
      }
      at--;
      blocks.push(list);
    } else if (/^> ?/.test(line)) {
      const quote = [];
      for (; at < lines.length && /^> ?/.test(lines[at]); at++) quote.push(lines[at].replace(/^> ?/, ""));
      at--;
      blocks.push(element("blockquote", quote.join("\n")));
    } else if (line === "---") {
      blocks.push(element("hr"));
    } else if (line.trim()) {
      blocks.push(inline(element("p"), line));
    }
  }
  return blocks;
}

function codeBlock(lines) {
  const pre = element("pre");
  for (const line of lines) {
    const kind = /^\+(?!\+\+)/.test(line) ? "plus" : /^-(?!--)/.test(line) ? "minus" : "";
    pre.append(element("span", `${line}\n`, kind));
  }
  return pre;
}

function tableOf(rows) {
  const cells = (row) => row.replace(/^\||\|\s*$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim());
  const table = element("table");
  for (const [number, row] of rows.entries()) {
    const rule = /^\|[\s|:-]+$/.test(row) && row.includes("-");
    const empty = cells(row).every((cell) => !cell);
    if (rule || empty) continue;
    const made = element("tr");
    for (const cell of cells(row)) made.append(inline(element(number === 0 ? "th" : "td"), cell));
    table.append(made);
  }
  const frame = element("div", undefined, "scroll");
  frame.append(table);
  return frame;
}

/** Code and bold within a line; a backslash keeps what follows it as it is, and comes first. */
function inline(parent, text) {
  for (const part of text.split(/(\\[\\|`*_[\]<>#]|`[^`]*`|\*\*(?:\\.|[^*])+\*\*)/)) {
    if (/^`.*`$/.test(part)) parent.append(element("code", part.slice(1, -1)));
    else if (/^\*\*.+\*\*$/.test(part)) parent.append(inline(element("strong"), part.slice(2, -2)));
    else parent.append(/^\\.$/.test(part) ? part.slice(1) : part);
  }
  return parent;
}

async function people() {
  const standing = await call("GET", `${path}/approvers`);
  document.getElementById("count").textContent =
    `${standing.approved} of ${standing.quorum} people and ${standing.seniors} of ${standing.seniors_min} seniors have approved it for ${standing.environment}.`
    + (standing.missing.length ? " Missing:" : "");
  const rows = standing.people.map((person) => {
    const may = person.banned.length === 0;
    const [word, style] = person.said === "rejected" ? ["rejected", "bad"]
      : person.said === "approved" && may ? ["approved", "good"]
      : may ? [person.not_senior.length ? "may approve" : "may approve, as senior", "wait"]
      : ["may not approve", "bad"];
    const row = element("li");
    row.append(element("strong", person.person), " ", element("span", word, `tag ${style}`));
    const reasons = [...person.banned, ...(person.void || [])];
    if (may && person.not_senior.length) reasons.push(`not as senior: ${person.not_senior.join(", ")}`);
    if (reasons.length) row.append(element("span", reasons.join("; "), "why"));
    return row;
  });
  document.getElementById("people").replaceChildren(...rows);
  document.getElementById("missing").replaceChildren(...standing.missing.map((text) => inline(element("li"), text)));
}

/** Puts on the page what there is to sign. Returns whether it speaks of something else than before. */
async function look() {
  const { release: about, rollout } = await call("GET", path);
  const { name } = rollout.phase;
  document.getElementById("title").textContent = `${about.service} ${about.version}`;
  await people();
  if (OVER[name]) throw new Error(OVER[name]);
  return show(await ask("approve"), about.version);
}

async function start() {
  const buttons = ["approve", "reject", "withdraw"].map((id) => document.getElementById(id));
  const enable = (on) => buttons.forEach((button) => { button.disabled = !on; });
  try {
    await look();
    const lacks = lacking();
    if (lacks) throw new Error(lacks);
    enable(true);
  } catch (error) {
    document.getElementById("dossier").setAttribute("aria-busy", "false");
    say(words(error), "bad");
    return;
  }
  for (const button of buttons) {
    button.addEventListener("click", async () => {
      enable(false);
      say("Your device asks you …");
      const [heard, style] = await outcome(button.id);
      // A statement is signed once and goes stale; what it spoke of may have changed.
      try {
        const changed = style !== "wait" && await look();
        say(changed ? `${heard} What the dossier speaks of has changed: read it again.` : heard, style);
        enable(true);
      } catch (error) {
        say(`${heard} ${words(error)}`, style);
      }
    });
  }
}

/** What became of a signature, in words, and their style; `wait`: the statement is unused, and still waits. */
async function outcome(decision) {
  try {
    const approval = await sign(decision);
    return [`${VERBS[decision]} as ${approval.person}, log entry ${approval.entry}.`, "good"];
  } catch (error) {
    return [words(error), unheard(error) ? "wait" : "bad"];
  }
}

start();
