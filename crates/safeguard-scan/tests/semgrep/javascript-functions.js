app.get("/", async function (req, res) { res.send(1); });
app.post("/", async (req, res) => { res.send(1); });
app.put("/", async (req, res) => { res.send(1); });
app.get("/", (req, res) => { res.send(1); });
app.get("/", auth, async (req, res) => { res.send(1); });
app.get("/", async (req, res) => res.send(1));
