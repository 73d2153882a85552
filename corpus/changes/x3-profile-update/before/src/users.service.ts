import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { UpdateProfileDto } from './update-profile.dto';
import { User } from './user.entity';

@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly repo: Repository<User>) {}

  bySession(session: string) {
    return session ? this.repo.findOneBy({ session }) : null;
  }

  async update(user: User, dto: UpdateProfileDto) {
    user.name = dto.name;
    user.bio = dto.bio;
    const { id, email, name, bio } = await this.repo.save(user);
    return { id, email, name, bio };
  }
}
