export { createUsers, type Users, type UsersOptions } from './users.ts';
export { userWrites } from './writes.ts';
