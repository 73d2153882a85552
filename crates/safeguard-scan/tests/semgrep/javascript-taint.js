app.get("/", (req, res) => {
  const name = req.query.name;
  res.send(`<b>${name}</b>`);
});
app.get("/", (req, res) => {
  const { name } = req.query;
  res.send(escape(name));
});
app.get("/", (req, res) => {
  const { name } = req.query;
  res.send("<b>" + name);
});
