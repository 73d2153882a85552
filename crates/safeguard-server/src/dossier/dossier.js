
"use strict";
// Verifies the page's proofs: each entry's bytes lead to the checkpoint's root (RFC 9162, section 2.1.3.2), and the
// checkpoint carries a signature of the named key (C2SP signed-note, Ed25519).

const bytes = (text) => new TextEncoder().encode(text);
const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const sha256 = async (...parts) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
};
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
const half = (number) => Math.floor(number / 2);

async function included(proof, size, root) {
  if (!(proof.index < size)) { return false; }
  let at = proof.index, last = size - 1;
  let have = await sha256([0], bytes(proof.leaf));
  for (const sibling of proof.path.map(fromHex)) {
    if (last === 0) { return false; }
    if (at % 2 === 1 || at === last) {
      have = await sha256([1], sibling, have);
      while (at % 2 === 0 && at !== 0) { at = half(at); last = half(last); }
    } else {
      have = await sha256([1], have, sibling);
    }
    at = half(at);
    last = half(last);
  }
  return last === 0 && same(have, root);
}

async function signed(note, vkey) {
  const [name, id, key] = vkey.split("+");
  const material = fromBase64(vkey.slice(name.length + id.length + 2));
  if (key === undefined || material[0] !== 1 || material.length !== 33) { return false; }
  const wanted = (await sha256(bytes(name), [10], material)).slice(0, 4);
  if (!same(wanted, fromHex(id))) { return false; }
  const end = note.indexOf("\n\n");
  const text = bytes(note.slice(0, end + 1));
  const publicKey = await crypto.subtle.importKey("raw", material.slice(1), { name: "Ed25519" }, false, ["verify"]);
  for (const line of note.slice(end + 2).split("\n")) {
    const [dash, signer, signature] = line.split(" ");
    if (dash !== "\u2014" || signer !== name) { continue; }
    const whole = fromBase64(signature);
    if (!same(whole.slice(0, 4), wanted)) { continue; }
    return crypto.subtle.verify({ name: "Ed25519" }, publicKey, whole.slice(4), text);
  }
  return false;
}

function row(proof, good) {
  const entry = JSON.parse(proof.leaf);
  const line = document.createElement("tr");
  for (const text of [proof.index, entry.kind, entry.ts, good ? "yes" : "NO"]) {
    const cell = document.createElement("td");
    cell.textContent = text;
    line.append(cell);
  }
  line.lastChild.className = good ? "good" : "bad";
  document.getElementById("entries").append(line);
}

async function verify() {
  const proofs = JSON.parse(document.getElementById("proof-data").textContent);
  document.getElementById("checkpoint").textContent = proofs.checkpoint + "\n" + proofs.vkey;
  const [, size, root] = proofs.checkpoint.split("\n");
  const isSigned = await signed(proofs.checkpoint, proofs.vkey);
  let good = 0;
  for (const proof of proofs.entries) {
    const holds = await included(proof, Number(size), fromBase64(root));
    good += holds ? 1 : 0;
    row(proof, holds);
  }
  const all = good === proofs.entries.length && good > 0;
  const verdict = document.getElementById("verdict");
  verdict.className = all && isSigned ? "good" : "bad";
  verdict.textContent = all && isSigned
    ? `Verified in this browser: all ${good} entries are in the signed log of ${size} entries.`
    : `NOT verified: ${good} of ${proofs.entries.length} entries are in the log; the checkpoint is ${isSigned ? "" : "not "}signed by its key.`;
}

verify().catch((error) => {
  const verdict = document.getElementById("verdict");
  verdict.className = "bad";
  verdict.textContent = `NOT verified: ${error.message}. It takes a browser with Ed25519 in WebCrypto (2025 or later).`;
});
