import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { anonymous } from '#server/permissions/principals.ts';
import type { Caller } from '../access.ts';

const nobodyYet: Caller = { principal: anonymous };

/** One request to the REST side, in the words of the raw one. */
export class RestExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly id: string;
  readonly #request: FastifyRequest;

  constructor(request: FastifyRequest, reply: FastifyReply) {
    this.request = request.raw;
    this.response = reply.raw;
    this.id = request.id;
    this.#request = request;
  }

  get address(): string {
    return this.#request.clientAddress;
  }

  /** Anonymous until its credentials have been read. */
  get caller(): Caller {
    return this.#request.caller ?? nobodyYet;
  }
}
