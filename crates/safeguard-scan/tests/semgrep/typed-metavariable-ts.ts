function one(req: Request) { return req.body; }
function two(req: Other) { return req.body; }
const three = (req: Request) => req.body;
