import { JSONFilePreset } from 'lowdb/node';

export const db = await JSONFilePreset(process.env.BOOK ?? 'book.json', { contacts: [] });
