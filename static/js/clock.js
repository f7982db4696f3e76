// Keeps the staff room's clock going: <time class="clock"></time> and <time class="clock" data-zone="UTC"></time>.
(() => {
  const clocks = document.querySelectorAll("time.clock");
  const language = document.documentElement.lang || undefined;

  function tick() {
    const now = new Date();
    for (const clock of clocks) {
      const zone = clock.dataset.zone || undefined;
      clock.dateTime = now.toISOString();
      clock.textContent = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }).format(now);
    }
    setTimeout(tick, 60_000 - (now % 60_000));
  }

  if (clocks.length) tick();
})();
