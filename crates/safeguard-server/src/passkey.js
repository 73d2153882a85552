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
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const headers = sent === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(path, { method, headers, body: sent });
  const answer = await response.json();
  if (response.ok) return answer;
  const more = [...(answer.details || []), ...(answer.hint ? [answer.hint] : [])];
  throw new Error([answer.title, ...more].join("; "));
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

/** Why a passkey was not used, as people say it. */
function words(error) {
  if (error.name === "NotAllowedError") return "The passkey was not used: it was refused, or took too long.";
  if (error.name === "InvalidStateError") return "This device has a passkey for you already.";
  return error.message;
}
