// What lets this origin in, and no other port of the host: it came behind `#`, and is kept in the origin's own storage.
"use strict";

const KEPT = "safeguard-page";

if (location.hash.length > 1) {
  localStorage.setItem(KEPT, location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}

/** The headers of a call, with what lets this page in. */
function sent(headers) {
  const secret = localStorage.getItem(KEPT);
  return secret ? { ...headers, "x-safeguard-page": secret } : headers;
}
