// What both pages need: base64url, calls of the API, and errors in words.
"use strict";

function encode(buffer) {
  const bytes = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text) {
  const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(bytes, (char) => char.charCodeAt(0));
}

async function call(method, path, body) {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = sent(text === undefined ? {} : { "content-type": "application/json" });
  let response;
  try {
    response = await fetch(path, { method, headers, body: text });
  } catch {
    throw new Error("The server does not answer. See whether `safeguard up` runs, then try again.");
  }
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) {
    throw new Error(`This page was let in by a server that has ended since then. Run \`${ANOTHER_LINK}\` for another link.`);
  }
  const more = [...(answer.details || []), ...(answer.hint ? [answer.hint] : [])];
  throw new Error(`Refused: ${[answer.title, ...more].join("; ")}.`);
}

/** The passkeys that are valid. */
async function enrolled() {
  return (await call("GET", "/api/v1/passkeys")).filter((key) => !key.revoked_at);
}

/** How the browser names passkeys. */
function named(passkeys) {
  return passkeys.map((key) => ({ type: "public-key", id: decode(key.credential) }));
}

/** Makes an element; text never becomes markup. */
function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function say(text, className) {
  const answer = document.getElementById("answer");
  answer.textContent = text;
  answer.className = className || "";
}

/** Something is to be done first. */
class NotYet extends Error {}

/** Whether the server has heard of nothing: the person or the device stopped it before. */
function unheard(error) {
  return error instanceof DOMException || error instanceof NotYet;
}

/** What went wrong and what to do, as people say it. */
function words(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The passkey was not used: that was cancelled, refused, or took too long. Nothing was signed; try again when you are ready.";
    case "InvalidStateError":
      return "This device has a passkey of yours already, and it is valid: there is nothing to do.";
    case "SecurityError":
      return `Passkeys do not work at ${location.host}. Open the link as it was printed: it begins with http://localhost.`;
    case "NotSupportedError":
      return "This device makes no passkey that fits. Try another device, or sign in a terminal with an SSH key.";
    default:
      return error.message;
  }
}

/** Why this browser can use no passkey; nothing when it can. */
function lacking() {
  if (window.PublicKeyCredential) return undefined;
  return "This browser has no passkeys. Try another one, or sign in a terminal: `safeguard approve`.";
}
