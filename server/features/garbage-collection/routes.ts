import { Type } from 'typebox';
import { Collection, CollectionOrder } from '#contract/garbage-collection.ts';
import { ListQuery } from '#contract/paging.ts';
import { Refusal } from '#lib/errors.ts';
import {
  authorize,
  describePage,
  pageOf,
  type RestApplication,
  restPrefix,
} from '#server/http/rest/index.ts';
import type { Job, Jobs } from '#server/jobs/jobs.ts';
import { systemResource } from '#server/permissions/decide.ts';
import { crons, describeCollection, describeSchedule } from './describe.ts';
import { type CollectionInput, collectionKind } from './handler.ts';

const scheduleName = 'garbage-collection';
const base = `${restPrefix}/system/gc`;
const tags = ['gc'];
const CollectionId = Type.Object({ id: Type.Integer({ minimum: 1 }) });

/** Harbor's routes of garbage collection, for system admins. */
export function addCollectionRoutes(application: RestApplication, jobs: Jobs) {
  application.get(
    base,
    {
      schema: {
        tags,
        summary: 'Collections, the newest first',
        querystring: ListQuery,
        response: { 200: Type.Array(Collection) },
      },
    },
    async (request, reply) => {
      await authorize(request, 'garbage-collection:list', systemResource);
      const page = pageOf(request.query);
      const { jobs: listed, total } = await jobs.list(collectionKind, page);
      describePage(request, reply, page, total);
      return listed.map(describeCollection);
    },
  );

  application.get(
    `${base}/:id`,
    {
      schema: {
        tags,
        summary: 'One collection',
        params: CollectionId,
        response: { 200: Collection },
      },
    },
    async (request) => {
      await authorize(request, 'garbage-collection:read', systemResource);
      return describeCollection(await find(request.params.id));
    },
  );

  application.get(
    `${base}/:id/log`,
    {
      schema: {
        tags,
        summary: 'What a collection did, in words',
        params: CollectionId,
        response: { 200: Type.String() },
      },
    },
    async (request, reply) => {
      await authorize(request, 'garbage-collection:read', systemResource);
      const { state, report, progress, problem, creation_time, end_time } = describeCollection(
        await find(request.params.id),
      );
      const lines = [
        `${creation_time} submitted`,
        ...(progress === undefined ? [] : [`${progress.step}: ${progress.done}`]),
        ...(problem === undefined ? [] : [problem]),
        ...(report === undefined ? [] : [JSON.stringify(report)]),
        ...(end_time === undefined ? [] : [`${end_time} ${state}`]),
      ];
      return reply.type('text/plain').send(`${lines.join('\n')}\n`);
    },
  );

  application.put(
    `${base}/:id`,
    {
      schema: { tags, summary: 'Stop a collection', params: CollectionId },
    },
    async (request) => {
      await authorize(request, 'garbage-collection:stop', systemResource);
      const { id } = await find(request.params.id);
      if ((await jobs.cancel(id)) === 'finished') {
        throw new Refusal('conflict', `The collection ${id} has ended already.`);
      }
    },
  );

  application.get(
    `${base}/schedule`,
    {
      schema: {
        tags,
        summary: 'When collections begin; an empty body where they do not',
      },
    },
    async (request, reply) => {
      await authorize(request, 'garbage-collection:read', systemResource);
      const schedule = await jobs.schedule(scheduleName);
      // Clients of Harbor take an empty body for none, and fail on null.
      return schedule === undefined ? reply.send() : describeSchedule(schedule);
    },
  );

  for (const method of ['POST', 'PUT'] as const) {
    application.route({
      method,
      url: `${base}/schedule`,
      schema: {
        tags,
        summary: 'Begin a collection (Manual), or set when they begin',
        body: CollectionOrder,
      },
      async handler(request, reply) {
        await authorize(request, 'garbage-collection:create', systemResource);
        const { schedule, parameters } = request.body as CollectionOrder;
        const input: CollectionInput = {
          deleteUntagged: parameters?.delete_untagged ?? false,
          dryRun: parameters?.dry_run ?? false,
        };
        if (schedule.type === 'Manual') {
          const id = await begin(input);
          reply.status(201).header('location', `${base}/${id}`);
          return describeCollection(await find(id));
        }
        if (schedule.type === 'None') await jobs.removeSchedule(scheduleName);
        else await jobs.setSchedule(scheduleName, cronOf(schedule), submissionOf(input));
        return reply.status(200).send();
      },
    });
  }

  async function find(id: number): Promise<Job> {
    const job = await jobs.find(collectionKind, id);
    if (job !== undefined) return job;
    throw new Refusal(
      'not-found',
      `There is no collection ${id}: berth garbage-collection history lists those that are kept.`,
    );
  }

  async function begin(input: CollectionInput): Promise<number> {
    const submitted = await jobs.submit(submissionOf(input));
    if (submitted.created) return submitted.id;
    throw new Refusal(
      'conflict',
      `The collection ${submitted.id} is still under way: wait for it, or stop it with berth garbage-collection stop ${submitted.id}.`,
    );
  }
}

function submissionOf(input: CollectionInput) {
  return { kind: collectionKind, slot: collectionKind, input };
}

function cronOf({ type, cron }: CollectionOrder['schedule']): string {
  if (type === 'Hourly' || type === 'Daily' || type === 'Weekly') return crons[type];
  if (cron !== undefined && cron !== '') return cron;
  throw new Refusal('invalid', 'A schedule of type Custom needs a cron of six fields, in UTC.');
}
