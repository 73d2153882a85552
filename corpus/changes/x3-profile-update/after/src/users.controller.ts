import { Body, Controller, Get, Patch, Req, UseGuards } from '@nestjs/common';
import { SessionGuard } from './session.guard';
import { User } from './user.entity';
import { UsersService } from './users.service';

@Controller('profile')
@UseGuards(SessionGuard)
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get()
  show(@Req() req: { user: User }) {
    return this.users.publicView(req.user);
  }

  @Patch()
  async update(@Req() req: { user: User }, @Body() changes: Partial<User>) {
    return this.users.publicView(await this.users.update(req.user, changes));
  }
}
