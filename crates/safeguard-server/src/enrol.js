// Makes a passkey for the person of the invitation.
"use strict";

const ANOTHER_LINK = "safeguard passkey invite --person NAME";

async function enrol(options) {
  const bytes = (text) => new TextEncoder().encode(text);
  const own = (await enrolled()).filter((key) => key.person === options.person);
  const made = await navigator.credentials.create({
    publicKey: {
      rp: { id: options.rp_id, name: "safeguard" },
      user: { id: bytes(options.user), name: options.person, displayName: options.person },
      challenge: bytes(options.challenge),
      pubKeyCredParams: [{ type: "public-key", alg: -8 }, { type: "public-key", alg: -7 }],
      authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
      excludeCredentials: named(own),
      attestation: "none",
    },
  });
  await call("POST", "/api/v1/passkeys", {
    credential: encode(made.rawId),
    attestation_object: encode(made.response.attestationObject),
    client_data: encode(made.response.clientDataJSON),
  });
}

async function start() {
  const button = document.getElementById("enrol");
  const who = document.getElementById("who");
  let options;
  try {
    options = await call("GET", "/api/v1/passkeys/invitation");
  } catch (error) {
    who.textContent = "There is nothing to enrol.";
    say(words(error), "bad");
    return;
  }
  who.replaceChildren("For ", element("strong", options.person), ", and nobody else. Go on only if that is you.");
  const lacks = lacking();
  if (lacks) return say(lacks, "bad");
  button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    say("Your device asks you …");
    try {
      await enrol(options);
      button.hidden = true;
      say("Enrolled. You can close this page. When a release waits for you, `safeguard approve REL --passkey` prints the link to it.", "good");
    } catch (error) {
      button.disabled = false;
      say(words(error), "bad");
    }
  });
}

start();
