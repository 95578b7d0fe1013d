import type { Generated } from 'kysely';
import type { Fixed, Flag, Json, Timestamp } from './column-types.ts';

export interface UsersTable {
  id: Generated<number>;
  username: string;
  email: string | null;
  realname: string;
  comment: string;
  /** argon2id in PHC form; null for users that another identity provider signs in. */
  password_hash: string | null;
  /** Grows whenever tokens issued on earlier credentials must stop working. */
  credential_generation: number;
  admin: Flag;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

/** Personal access tokens. */
export interface AccessTokensTable {
  id: Generated<number>;
  user_id: Fixed<number>;
  name: string;
  secret_hmac: Uint8Array;
  created_at: Fixed<Timestamp>;
  /** null: never. */
  expires_at: Timestamp | null;
  last_used_at: Timestamp | null;
}

export interface RobotsTable {
  id: Generated<number>;
  /** Without prefix; `project+name` for a robot of a project. Unique. */
  name: string;
  level: Fixed<'system' | 'project'>;
  project_id: Fixed<number | null>;
  description: string;
  secret_hmac: Uint8Array;
  /** Days that a secret lives; -1: for ever. */
  duration: number;
  expires_at: Timestamp | null;
  disabled: Flag;
  /** `Permission[]` of server/permissions. */
  permissions: Json;
  creator: string;
  credential_generation: number;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

export interface ProjectsTable {
  id: Generated<number>;
  name: Fixed<string>;
  public: Flag;
  owner_id: number | null;
  created_at: Fixed<Timestamp>;
  updated_at: Timestamp;
}

/** A person or the workloads of a cluster's namespace, with a role in a project. */
export interface ProjectMembersTable {
  id: Generated<number>;
  project_id: Fixed<number>;
  kind: Fixed<'user' | 'workload'>;
  user_id: Fixed<number | null>;
  /** `cluster/namespace/serviceaccount`; the last two may be `*`. */
  workload: Fixed<string | null>;
  role: 'project-admin' | 'maintainer' | 'developer' | 'guest' | 'limited-guest';
  created_at: Fixed<Timestamp>;
}
