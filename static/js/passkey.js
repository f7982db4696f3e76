// Says in words when a passkey was refused or given up; allauth's scripts only log it.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  let note = document.getElementById("passkey-problem");
  if (!note) {
    note = document.createElement("div");
    note.id = "passkey-problem";
    note.className = "problem";
    note.setAttribute("role", "alert");
    document.querySelector("#main h1")?.after(note);
  }
  note.textContent = "No passkey was used: the browser found none for this site, or you stopped. Nothing has been changed; try again, or go another way.";
});
