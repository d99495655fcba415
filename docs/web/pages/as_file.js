// Opened by double click, a page has no server, and browsers then load no modules: neither models nor live pictures. The
// page says so in their place.
if (location.protocol === "file:") {
  const windows = /^\/[A-Za-z]:/.test(location.pathname);
  const here = decodeURIComponent(new URL("..", document.currentScript.src).pathname); // the site's folder
  const folder = windows ? `"${here.slice(1, -1)}"` : `'${here.slice(0, -1).replaceAll("'", "'\\''")}'`;
  const command = `${windows ? "py" : "python3"} -m http.server --bind localhost --directory ${folder}`;
  for (const element of document.querySelectorAll("[data-nts-live], [data-nts-plane]")) {
    const line = document.createElement("p");
    const code = document.createElement("code");
    code.textContent = command;
    line.append("This runs only on a page that comes from a server, because browsers load no models for a file: type ");
    line.append(code, " and open http://localhost:8000 in the browser.");
    element.replaceChildren(line);
  }
}
