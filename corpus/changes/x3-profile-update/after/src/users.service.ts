import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User } from './user.entity';

@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly repo: Repository<User>) {}

  bySession(session: string) {
    return session ? this.repo.findOneBy({ session }) : null;
  }

  publicView({ id, email, name, bio, role }: User) {
    return { id, email, name, bio, role };
  }

  update(user: User, changes: Partial<User>) {
    return this.repo.save(Object.assign(user, changes));
  }
}
