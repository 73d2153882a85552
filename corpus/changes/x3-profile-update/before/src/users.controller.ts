import { Body, Controller, Put, Req, UseGuards } from '@nestjs/common';
import { SessionGuard } from './session.guard';
import { UpdateProfileDto } from './update-profile.dto';
import { User } from './user.entity';
import { UsersService } from './users.service';

@Controller('profile')
@UseGuards(SessionGuard)
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Put()
  update(@Req() req: { user: User }, @Body() dto: UpdateProfileDto) {
    return this.users.update(req.user, dto);
  }
}
