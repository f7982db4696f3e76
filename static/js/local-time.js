// After each <time class="moment" datetime="…Z"> says the same moment in the reader's own time.
// The words come from the page, so that they are in its language: <script src="…" data-words="{time} your time" defer>
(() => {
  const words = document.currentScript?.dataset.words || "{time} your time";
  const language = document.documentElement.lang || undefined;

  // The digits of the page, whose own moments are written with them in Arabic, too.
  const digits = { numberingSystem: "latn" };
  const on = (moment, zone) => new Intl.DateTimeFormat(language, { ...digits, day: "numeric", month: "short", timeZone: zone }).format(moment);
  const clock = new Intl.DateTimeFormat(language, { ...digits, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

  function addLocalTimes(root) {
    for (const time of root.querySelectorAll("time.moment[datetime*='T']")) {
      if (time.nextElementSibling?.classList.contains("local-time")) continue;
      const moment = new Date(time.dateTime);
      // Whoever lives on UTC need not read it twice.
      if (isNaN(moment) || moment.getTimezoneOffset() === 0) continue;
      const day = on(moment) === on(moment, "UTC") ? "" : `${on(moment)}, `;
      const local = document.createElement("bdi");
      local.className = "local-time";
      local.textContent = `(${words.replace("{time}", day + clock.format(moment))})`;
      time.after(" ", local);
    }
  }

  addLocalTimes(document);
  document.addEventListener("htmx:load", (event) => addLocalTimes(event.detail.elt));
})();
