export function login(pool) {
  return async (req, res, next) => {
    const token = (req.get('authorization') ?? '').replace(/^Bearer /, '');
    const { rows } = await pool.query('SELECT user_id FROM sessions WHERE token = $1 AND expires_at > now()', [token]);
    if (rows.length === 0) return res.sendStatus(401);
    req.userId = rows[0].user_id;
    next();
  };
}
