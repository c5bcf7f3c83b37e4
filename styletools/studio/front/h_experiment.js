// Experiments: a menu of them, and a card with the question first and the answer behind a button.

// The menu.
function experimentMenu(line) {
  const select = h("select", { "aria-label": "Experiments",
    on: { change: () => line.send({ do: "experiment", key: select.value }) } });
  const show = () => {
    const list = (line.get("setup").experiments || []).map((one) => ({ name: one.key, line: one.title }));
    showOptions(select, [{ name: "", line: "Experiments…" }, ...list], line.get("experiment").key || "");
  };
  line.listen("setup", show);
  line.listen("experiment", show);
  return line.group("st-experiment", select);
}

// The card of the open experiment.
function experimentCard(line) {
  const title = h("h2", { class: "st-experiment-title" });
  const question = h("p", { class: "st-question" });
  const task = h("p", { class: "st-look" });
  const answer = h("p", { class: "st-answer", hidden: true });
  const reveal = button("st-reveal st-plain", "", "Reveal the answer", () => {
    answer.hidden = !answer.hidden;
    setAttribute(reveal, "aria-expanded", String(!answer.hidden));
    setText(reveal.lastChild, answer.hidden ? "Reveal the answer" : "Hide the answer");
  }, { "aria-expanded": "false" });
  const leave = () => line.send({ do: "experiment", key: "" });
  const close = button("st-close", "close", "", leave, { "aria-label": "Close the experiment" });
  const words = h("div", { class: "st-experiment-words" }, title, question, task, answer);
  const doors = h("div", { class: "st-experiment-doors" }, reveal, close);
  const card = h("section", { class: "st-experiment-card", "aria-label": "Experiment", hidden: true }, words, doors);
  let key = "";
  line.listen("experiment", (one) => {
    card.hidden = !one?.key;
    if (!one?.key || one.key === key) return (key = one?.key || "");
    key = one.key;
    setText(title, one.title);
    setText(question, one.question);
    setText(task, one.look_at || "");
    setText(answer, one.answer);
    answer.hidden = true;
    setText(reveal.lastChild, "Reveal the answer");
    setAttribute(reveal, "aria-expanded", "false");
    return key;
  });
  return card;
}
