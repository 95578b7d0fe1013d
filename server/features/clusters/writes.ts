import type { AnyWrite } from '#server/database/database.ts';
import { clusterGrantWrites } from './grants/writes.ts';
import { namespaceRobotWrites } from './namespace-robots/writes.ts';
import {
  beginDisconnection,
  changeSettings,
  clearEnded,
  forgetCluster,
  noteRemoval,
  noteWaiting,
} from './writes/clusters.ts';
import { keepConnectToken, noteHandshakeFailure, noteTokenShown } from './writes/connect-tokens.ts';
import {
  connectAgent,
  releaseConnection,
  renewConnections,
  renewIdentity,
} from './writes/connections.ts';
import { enrolCluster, noteEnrolmentProblem, proveCluster } from './writes/enrolment.ts';
import { reportChecks, reportNamespaces, reportNodes } from './writes/reports.ts';
import {
  answerAgentRequest,
  forgetAgentRequests,
  leaveAgentRequest,
  takeAgentRequest,
} from './writes/requests.ts';

export const clusterWrites: readonly AnyWrite[] = [
  ...clusterGrantWrites,
  ...namespaceRobotWrites,
  answerAgentRequest,
  beginDisconnection,
  changeSettings,
  clearEnded,
  connectAgent,
  enrolCluster,
  forgetAgentRequests,
  forgetCluster,
  keepConnectToken,
  leaveAgentRequest,
  noteEnrolmentProblem,
  noteHandshakeFailure,
  noteRemoval,
  noteTokenShown,
  noteWaiting,
  proveCluster,
  releaseConnection,
  renewConnections,
  renewIdentity,
  reportChecks,
  reportNamespaces,
  reportNodes,
  takeAgentRequest,
];
