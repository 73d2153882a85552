// Shows `/api/v1/status` once a second and sends the operator's commands.
"use strict";

const STAGES = ["dev", "qa", "staging", "canary", "production"];

/** Makes an element; text never becomes markup. */
function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function fill(id, ...children) {
  document.getElementById(id).replaceChildren(...children);
}

async function command(release, verb) {
  const answer = document.getElementById("answer");
  answer.textContent = `${verb} …`;
  const response = await fetch(`/api/v1/releases/${release}/${verb}`, { method: "POST", headers: sent({}) });
  const body = await response.json();
  answer.textContent = response.ok
    ? `${verb}: ${body.rollout.phase.name.replaceAll("_", " ")}`
    : `refused: ${body.title}${(body.details || []).map((line) => `; ${line}`).join("")}`;
}

function button(release, verb, label, className, question) {
  const made = element("button", label, className);
  made.addEventListener("click", () => {
    if (!question || confirm(question)) command(release, verb);
  });
  return made;
}

function arms(service) {
  const table = element("table");
  const head = element("tr");
  for (const title of ["environment", "arm", "release"]) head.append(element("th", title));
  for (const title of ["weight", "requests", "errors", "lost", "p95 ms"]) head.append(element("th", title, "number"));
  table.append(head);
  for (const route of service.routes) {
    for (const [name, arm, weight] of [
      ["stable", route.stable, 100 - route.weight],
      ["candidate", route.candidate, route.weight],
    ]) {
      if (!arm) continue;
      const row = element("tr");
      row.append(element("td", route.environment), element("td", name));
      const release = element("td");
      release.append(element("code", arm.release));
      row.append(release);
      for (const figure of [`${weight} %`, arm.requests, arm.errors, arm.lost, arm.p95_ms.toFixed(1)]) {
        row.append(element("td", String(figure), "number"));
      }
      table.append(row);
    }
  }
  return table;
}

function onItsWay(status) {
  const { release, rollout } = status;
  const section = element("div");
  const { name, weight } = rollout.phase;
  const phase = name.replaceAll("_", " ") + (weight === undefined ? "" : ` at ${weight} %`);
  section.append(element("h3", `${release.version} is on its way: ${phase}`));
  const walk = element("ol", undefined, "walk");
  const at = STAGES.indexOf(rollout.stage);
  STAGES.forEach((stage, place) => {
    walk.append(element("li", stage, place < at ? "done" : place === at ? "here" : ""));
  });
  section.append(walk);
  for (const hint of status.hints) section.append(element("p", hint, "wait"));
  section.append(button(release.id, "rollback", `Roll back ${release.version}`, "rollback"));
  section.append(button(release.id, "hold", "Hold"), button(release.id, "promote", "Promote"));
  return section;
}

function serviceSection(service) {
  const section = element("section");
  section.append(element("h2", service.service));
  const live = element("p");
  if (service.live) {
    live.append(element("span", `live: ${service.live_version} `, "live"), element("code", service.live));
    section.append(live);
    // A second click meant for the release that was on its way must not take the live one along.
    const version = service.live_version;
    const question = `${version} is live. Roll back to the release before it?`;
    if (!service.active) section.append(button(service.live, "rollback", `Roll back ${version}`, "rollback", question));
  } else {
    live.append(element("span", "nothing is live yet", "wait"));
    section.append(live);
  }
  if (service.active_release) section.append(onItsWay(service.active_release));
  const figures = element("div");
  figures.id = `arms-${service.service}`;
  section.append(figures);
  return section;
}

let shown = "";

async function look() {
  const heard = document.getElementById("heard");
  try {
    const response = await fetch("/api/v1/status", { headers: sent({}) });
    if (!response.ok) throw new Error((await response.json()).title);
    const status = await response.json();
    heard.textContent = `at ${status.at}`;
    heard.className = "";
    document.getElementById("mode").textContent =
      status.mode === "observe" ? "observes: nothing is held or moved" : "enforces";
    fill("warnings", ...status.warnings.map((warning) => element("li", warning)),
      ...status.freezes.map((freeze) => element("li", `freeze ${freeze.id}: ${freeze.reason}`)));
    // Buttons are built again only when what they act on has changed, so that none vanishes under a finger.
    const acts = JSON.stringify(status.services.map(({ live, active_release: active }) => [
      live, active && [active.release.id, active.rollout.stage, active.rollout.phase, active.hints],
    ]));
    if (acts !== shown) {
      shown = acts;
      const answer = document.getElementById("answer") || element("p");
      answer.id = "answer";
      fill("services", ...status.services.map(serviceSection), answer);
    }
    for (const service of status.services) fill(`arms-${service.service}`, arms(service));
    document.getElementById("log").textContent = `${status.log.size} entries, root ${status.log.root}`;
  } catch (error) {
    heard.textContent = `the server does not answer: ${error.message}`;
    heard.className = "bad";
  }
  setTimeout(look, 1000);
}

look();
