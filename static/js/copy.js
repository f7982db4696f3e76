// Shows the copy buttons and lets them copy the text of the element they name:
// <code id="ip-1">…</code> <button type="button" class="copy" data-copies="ip-1" data-done="Copied" hidden>Copy</button>
(() => {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button.copy[data-copies]")) {
    const source = document.getElementById(button.dataset.copies);
    if (!source) continue;
    const answer = document.createElement("span");
    answer.className = "copy-answer";
    answer.setAttribute("role", "status");
    button.after(" ", answer);
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(source.textContent.trim());
      answer.textContent = button.dataset.done || "Copied";
      setTimeout(() => { answer.textContent = ""; }, 3000);
    });
  }
})();
