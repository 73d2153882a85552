import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('users')
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  email!: string;

  @Column()
  name!: string;

  @Column({ default: '' })
  bio!: string;

  @Column({ default: 'member' })
  role!: 'member' | 'moderator' | 'admin';

  @Column({ default: 0 })
  creditCents!: number;

  @Column({ nullable: true, type: 'text' })
  session!: string | null;
}
