import { User } from '../src/user.entity';

it('is a member by default', () => {
  expect(new User().role).toBeUndefined();
});
