import { CanActivate, ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { UsersService } from './users.service';

@Injectable()
export class SessionGuard implements CanActivate {
  constructor(private readonly users: UsersService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const req = context.switchToHttp().getRequest();
    req.user = await this.users.bySession(String(req.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (!req.user) throw new UnauthorizedException();
    return true;
  }
}
