export { createUsers, type Users, type UsersOptions } from './users.ts';
