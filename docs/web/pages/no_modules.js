// Where a live box or picture does not begin, a line says why: a page that was opened by double click has no server, and
// browsers load modules, so also models, only from one; and a module that was changed on its way does not run.
{
  const serverCommand = () => {
    const windows = /^\/[A-Za-z]:/.test(location.pathname);
    const here = decodeURIComponent(new URL("..", script).pathname).slice(0, -1); // the site's folder
    const folder = windows ? `"${here.slice(1)}"` : `'${here.replaceAll("'", "'\\''")}'`;
    return `${windows ? "py" : "python3"} -m http.server --bind localhost --directory ${folder}`;
  };
  const script = document.currentScript.src;
  const empty = () => [...document.querySelectorAll("[data-nts-live], [data-nts-plane]")].filter((box) => !box.classList.contains("nts-live"));

  function say(...parts) {
    for (const box of empty()) {
      const line = document.createElement("p");
      line.append(...parts.map((part) => part.cloneNode?.(true) ?? part));
      box.replaceChildren(line);
    }
  }

  if (location.protocol === "file:") {
    const command = document.createElement("code");
    command.textContent = serverCommand();
    const why = "This runs only on a page that comes from a server, because browsers load no models for a file: type ";
    say(why, command, " and open http://localhost:8000 in the browser.");
  } else {
    const broken = "This does not run: a script of the page is missing, or damaged on its way. Reload the page.";
    addEventListener("load", () => say(broken)); // modules have run by then
  }
}
