// Dark or light, and how close the rows stand: kept in a cookie of this browser. Runs before the
// page is drawn. Without it the page follows the browser's own setting.
{
  const CHOICES = { theme: ["auto", "dark", "light"], density: ["roomy", "compact"] };
  const YEAR_S = 31536000;
  const root = document.documentElement;

  const kept = (name) => {
    const found = document.cookie.match(new RegExp(`(?:^|; )${name}=(\\w+)`));
    return found && CHOICES[name].includes(found[1]) ? found[1] : CHOICES[name][0];
  };
  const apply = (name) => { root.dataset[name] = kept(name); };

  const addButton = (place, name) => {
    const button = document.createElement("button");
    button.type = "button";
    const show = () => { button.textContent = `${name === "theme" ? "Colours" : "Rows"}: ${kept(name)}`; };
    button.addEventListener("click", () => {
      const all = CHOICES[name];
      const value = all[(all.indexOf(kept(name)) + 1) % all.length];
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR_S}; SameSite=Strict${secure}`;
      apply(name);
      show();
    });
    show();
    place.append(button);
  };

  for (const name of Object.keys(CHOICES)) apply(name);
  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("display");
    for (const name of Object.keys(CHOICES)) addButton(place, name);
    place.hidden = false;
  });
}
