// Shows the dossier of a release as it is signed, and signs it with a passkey.
"use strict";

const release = location.pathname.split("/").pop();
const path = `/api/v1/releases/${release}`;
const VERBS = { approve: "Approved", reject: "Rejected", withdraw: "Taken back" };

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
  // What is approved is the very text that was read.
  const request = decision === "approve" ? shown : await ask(decision, reason);
  const keys = (await call("GET", "/api/v1/passkeys")).filter((key) => !key.revoked_at);
  const assertion = await navigator.credentials.get({
    publicKey: {
      rpId: location.hostname,
      challenge: await digest(request.text),
      userVerification: "required",
      allowCredentials: keys.map((key) => ({ type: "public-key", id: decode(key.credential) })),
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

function show(request) {
  shown = request;
  const article = document.getElementById("dossier");
  article.replaceChildren(...rendered(request.dossier));
  article.setAttribute("aria-busy", "false");
  document.getElementById("digest").textContent = request.statement.dossier.slice(0, 19) + "…";
  document.getElementById("digest").title = request.statement.dossier;
  const facts = [
    ["service", request.statement.service],
    ["release", request.statement.release],
    ["artifact", request.statement.digest],
    ["for", request.statement.environment],
    ["holds until", new Date(request.statement.expires).toLocaleString()],
  ];
  const list = document.getElementById("facts");
  list.replaceChildren(...facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

/** Markdown as the dossier has it: headings, lists, tables, quotes, code. Everything is text. */
function rendered(markdown) {
  const blocks = [];
  const lines = markdown.split("\n");
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
        const item = inline(element("li"), lines[at].replace(/^\s*[-*] /, ""));
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

/** Code and bold within a line; a backslash keeps what follows it as it is. */
function inline(parent, text) {
  for (const part of text.split(/(`[^`]*`|\*\*[^*]+\*\*)/)) {
    if (/^`.*`$/.test(part)) parent.append(element("code", part.slice(1, -1)));
    else if (/^\*\*.*\*\*$/.test(part)) parent.append(element("strong", part.slice(2, -2)));
    else parent.append(part.replace(/\\([\\|`*_[\]<>#])/g, "$1"));
  }
  return parent;
}

async function people() {
  const standing = await call("GET", `${path}/approvers`);
  document.getElementById("count").textContent =
    `${standing.approved} of ${standing.quorum} people and ${standing.seniors} of ${standing.seniors_min} seniors have approved it for ${standing.environment}.`;
  const rows = standing.people.map((person) => {
    const may = person.banned.length === 0;
    const [word, style] = person.said === "rejected" ? ["rejected", "bad"]
      : person.said === "approved" && may ? ["approved", "good"]
      : may ? [person.not_senior.length ? "may approve" : "may approve, as senior", "wait"]
      : ["may not approve", "bad"];
    const row = element("li");
    row.append(element("strong", person.person), " ", element("span", word, `tag ${style}`));
    for (const why of [...person.banned, ...person.void]) row.append(element("span", why, "why"));
    if (may) for (const why of person.not_senior) row.append(element("span", `not senior: ${why}`, "why"));
    return row;
  });
  document.getElementById("people").replaceChildren(...rows);
  document.getElementById("missing").replaceChildren(...standing.missing.map((text) => element("li", text)));
}

async function start() {
  const buttons = ["approve", "reject", "withdraw"].map((id) => document.getElementById(id));
  const enable = (on) => buttons.forEach((button) => { button.disabled = !on; });
  try {
    const status = await call("GET", path);
    document.getElementById("title").textContent = `${status.release.service} ${status.release.version}`;
    document.title = `Approve ${status.release.service} ${status.release.version} – safeguard`;
    await people();
    show(await ask("approve"));
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
      try {
        const approval = await sign(button.id);
        say(`${VERBS[button.id]} as ${approval.person}, log entry ${approval.entry}.`, "good");
      } catch (error) {
        // A statement is signed once and goes stale; what it spoke of may have changed.
        say(`${words(error)} The dossier was loaded again: read it, then sign.`, "bad");
      }
      try {
        await people();
        show(await ask("approve"));
        enable(true);
      } catch (error) {
        say(words(error), "bad");
      }
    });
  }
}

start();
