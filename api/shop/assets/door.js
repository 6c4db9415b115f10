// A gate: each scan has a nonce, so that one that is repeated after a lost answer gets the first answer.
const at = (id) => document.getElementById(id);
const sentences = Object.fromEntries([...document.querySelectorAll("[data-reason]")].map((one) => [one.dataset.reason, one.textContent]));
const KEPT = "gate";
const RETRY_MS = 1500;
const COUNT_MS = 4000;
const FOLD_MS = 700; // the counts are folded a moment after a scan
let gate = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
let types = {};
let filming = null;

function show() {
  at("opening").hidden = gate !== null;
  at("scanning").hidden = gate === null;
  at("camera").hidden = !("BarcodeDetector" in window);
  at("no-camera").hidden = "BarcodeDetector" in window;
  if (!gate) return;
  at("where").textContent = `${gate.title}, ${gate.name}`;
  tell("ready", "Ready", "Scan or type a code.");
  at("code").focus();
  call(`/api/v1/shows/${gate.show}`).then(async (answer) => {
    if (answer.ok) types = Object.fromEntries((await answer.json()).ticket_types.map((one) => [one.ticket_type_id, one.name]));
  }, () => undefined);
}

function tell(kind, verdict, detail = "") {
  at("verdict").className = kind;
  at("verdict").textContent = verdict;
  at("detail").textContent = detail;
}

const call = (path, options = {}) =>
  fetch(path, { ...options, headers: { Authorization: `Bearer ${gate.key}`, "Content-Type": "application/json" } });

function judge(answer, found) {
  if (answer.status === 404) return tell("bad", "No such ticket", "This code is not one of ours, or it was withdrawn.");
  if (!answer.ok) return tell("bad", "Not checked", found.detail);
  const type = types[found.ticket_type_id] ?? "";
  const earlier = found.first_at ? `Used at ${new Date(found.first_at).toLocaleTimeString()}, gate ${found.first_gate ?? "unknown"}` : "";
  tell(found.admitted ? "good" : "bad", sentences[found.reason] ?? found.reason, [type, earlier].filter(Boolean).join(" · "));
}

async function check(code) {
  const scan = JSON.stringify({ nonce: crypto.randomUUID(), show_id: gate.show, gate: gate.name, ticket_code: code });
  tell("wait", "Checking");
  for (;;) {
    try {
      const answer = await call("/api/v1/checkins", { method: "POST", body: scan });
      if (answer.status >= 500 || answer.status === 429) throw new Error(answer.statusText);
      judge(answer, await answer.json());
      navigator.vibrate?.(at("verdict").className === "good" ? 80 : [80, 60, 80]);
      setTimeout(count, FOLD_MS);
      return;
    } catch {
      tell("wait", "No answer yet", "The same scan is sent again by itself.");
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function count() {
  const answer = gate && (await call(`/api/v1/shows/${gate.show}/checkins`).catch(() => null));
  if (!answer?.ok) return answer;
  const found = await answer.json();
  const sums = {};
  for (const one of found.entries) sums[one.gate] = (sums[one.gate] ?? 0) + one.count;
  at("count").textContent = found.entered;
  at("gates").replaceChildren(
    ...Object.entries(sums).map(([name, sum]) => {
      const line = document.createElement("li");
      line.textContent = `${name || "No gate"}: ${sum}`;
      return line;
    }),
  );
  return answer;
}

async function film() {
  const video = at("film");
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.hidden = false;
  at("camera").hidden = true;
  await video.play();
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  let last = "";
  filming = setInterval(async () => {
    const [found] = await detector.detect(video).catch(() => []);
    if (found && found.rawValue !== last) {
      last = found.rawValue;
      await check(last);
    }
  }, 300);
}

async function open(wanted) {
  gate = wanted;
  const answer = await count();
  const fault = !answer ? "There is no answer. Try again." : answer.ok ? "" : "This key does not open a gate of this show.";
  at("fault").hidden = !fault;
  at("fault").textContent = fault;
  if (fault) gate = null;
  else sessionStorage.setItem(KEPT, JSON.stringify(gate));
  show();
}

at("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = at("show").selectedOptions[0];
  open({ key: at("key").value, show: chosen.value, title: chosen.dataset.name, name: at("name").value });
});
at("scan").addEventListener("submit", async (event) => {
  event.preventDefault();
  const code = at("code").value.trim();
  at("code").value = "";
  await check(code);
  at("code").focus();
});
at("camera").addEventListener("click", () => film().catch((error) => tell("bad", "No camera", error.message)));
at("leave").addEventListener("click", () => {
  clearInterval(filming);
  at("film").srcObject?.getTracks().forEach((track) => track.stop());
  at("film").hidden = true;
  sessionStorage.removeItem(KEPT);
  gate = null;
  show();
});
show();
count();
setInterval(count, COUNT_MS);
