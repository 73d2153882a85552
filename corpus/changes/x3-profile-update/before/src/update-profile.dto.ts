import { IsString, MaxLength } from 'class-validator';

export class UpdateProfileDto {
  @IsString()
  @MaxLength(80)
  name!: string;

  @IsString()
  @MaxLength(2000)
  bio!: string;
}
