// Reads what is visible of a page into JSON. Runs in a world of its own, where the page's scripts changed nothing;
// names that elements can take over (`form.children`, `document.body`) are read through the prototypes.
(budget, textMost, depthMost) => {
  const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  const childNodes = getter(Node.prototype, "childNodes");
  const nodeType = getter(Node.prototype, "nodeType");
  const nodeValue = getter(Node.prototype, "nodeValue");
  const localName = getter(Element.prototype, "localName");
  const shadowRoot = getter(Element.prototype, "shadowRoot");
  const { getAttribute, getBoundingClientRect, checkVisibility } = Element.prototype;
  const bodyOf = getter(Document.prototype, "body");
  const rootOf = getter(Document.prototype, "documentElement");
  const titleOf = getter(Document.prototype, "title");
  const skipped = new Set(["script", "style", "template", "noscript", "head", "link", "meta"]);
  const roles = {
    a: "link", button: "button", nav: "navigation", main: "main", header: "banner", footer: "contentinfo", aside: "complementary",
    form: "form", img: "img", ul: "list", ol: "list", li: "listitem", table: "table", input: "textbox", textarea: "textbox",
    select: "combobox", dialog: "dialog", article: "article", section: "region",
    h1: "heading", h2: "heading", h3: "heading", h4: "heading", h5: "heading", h6: "heading",
  };
  const inputs = { checkbox: "checkbox", radio: "radio", range: "slider", submit: "button", button: "button", reset: "button", search: "searchbox" };
  const clear = "rgba(0, 0, 0, 0)";
  const short = (text, most) => {
    const flat = text.replace(/\s+/g, " ").trim();
    return flat.length > most ? `${flat.slice(0, most - 1)}…` : flat;
  };
  const tenth = (number) => Math.round(number * 10) / 10;
  let truncated = false;

  const tell = (element, style, rect) => {
    const tag = localName.call(element).slice(0, 40);
    const said = getAttribute.call(element, "role");
    const role = said ? short(said, 40) : tag === "input" ? (inputs[getAttribute.call(element, "type")] ?? "textbox") : roles[tag];
    const texts = [...childNodes.call(element)].filter((node) => nodeType.call(node) === 3).slice(0, 50);
    let text = texts.map((node) => nodeValue.call(node).slice(0, 4 * textMost)).join(" ");
    if (!text.trim()) text = getAttribute.call(element, "aria-label") ?? getAttribute.call(element, "alt") ?? getAttribute.call(element, "placeholder") ?? "";
    text = short(text.slice(0, 4 * textMost), textMost);
    const node = { tag, x: tenth(rect.x + scrollX), y: tenth(rect.y + scrollY), width: tenth(rect.width), height: tenth(rect.height) };
    if (role) node.role = role;
    if (text) Object.assign(node, { text, font_size: tenth(parseFloat(style.fontSize)), color: style.color });
    if (style.backgroundColor !== clear) node.background = style.backgroundColor;
    return node;
  };

  const read = (element, depth, into) => {
    if (nodeType.call(element) !== 1 || skipped.has(localName.call(element))) return;
    if (budget <= 0 || depth > depthMost) return void (truncated = true);
    const style = getComputedStyle(element);
    const isSeen = checkVisibility.call(element, { visibilityProperty: true, opacityProperty: true });
    // What is not seen may hold what is, unless it is not drawn at all.
    if (!isSeen && style.display !== "contents" && style.visibility === "visible") return;
    const children = isSeen ? [] : into;
    if (isSeen) budget -= 1;
    for (const child of childNodes.call(shadowRoot.call(element) ?? element)) read(child, depth + 1, children);
    if (!isSeen) return;
    const rect = getBoundingClientRect.call(element);
    const node = tell(element, style, rect);
    if (children.length > 0) node.children = children;
    if ((rect.width > 0 && rect.height > 0) || children.length > 0) into.push(node);
  };

  const [root, body] = [rootOf.call(document), bodyOf.call(document)];
  const backgrounds = [body, root].filter(Boolean).map((element) => getComputedStyle(element).backgroundColor);
  const elements = [];
  if (body) read(body, 0, elements);
  return JSON.stringify({
    title: short(titleOf.call(document).slice(0, 1000), 200),
    language: root ? short(getAttribute.call(root, "lang") ?? "", 40) : "",
    background: backgrounds.find((color) => color !== clear) ?? "rgb(255, 255, 255)",
    elements,
    truncated,
  });
}
