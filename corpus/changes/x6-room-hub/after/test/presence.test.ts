import { expect, it, vi } from 'vitest';

const hub = vi.hoisted(() => ({ membersOf: vi.fn(() => ['a', 'b']), publishToRoom: vi.fn() }));
vi.mock('../src/hub.js', () => ({ hub }));

import { announce } from '../src/presence.js';

it('announces who joined', () => {
  announce('lobby', 'ada', 'joined');
  expect(JSON.parse(hub.publishToRoom.mock.calls[0][1])).toEqual({
    type: 'presence',
    name: 'ada',
    change: 'joined',
    members: 2,
  });
});
