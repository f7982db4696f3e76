// Shows the search field of the history and hides what does not hold every word typed into it. Nothing leaves the page.
(() => {
  const field = document.getElementById("history-search");
  const list = document.getElementById("history");
  if (!field || !list) return;
  const answer = field.parentElement.querySelector("[role=status]");
  // As people type: without accents, in small letters.
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const years = [...list.querySelectorAll("section")].map((section) => ({
    section,
    lines: [...section.querySelectorAll("li")].map((line) => ({
      line,
      words: plain(`${line.textContent} ${section.querySelector("h2").textContent}`),
    })),
  }));

  function search() {
    const wanted = plain(field.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { section, lines } of years) {
      let here = 0;
      for (const { line, words } of lines) {
        line.hidden = !wanted.every((word) => words.includes(word));
        here += !line.hidden;
      }
      section.hidden = here === 0;
      count += here;
    }
    const { one, some, none } = answer.dataset;
    answer.textContent = wanted.length === 0 ? "" : count === 0 ? none : count === 1 ? one : some.replace("{count}", count);
  }

  field.parentElement.hidden = false;
  field.addEventListener("input", search);
  search();
})();
