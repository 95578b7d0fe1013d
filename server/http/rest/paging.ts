import type { FastifyReply, FastifyRequest } from 'fastify';
import { defaultPageSize, type ListQuery, unpagedSize } from '#contract/paging.ts';

/** Which part of a list is asked for. */
export interface Page {
  /** From 1. */
  readonly number: number;
  /** Rows at most. */
  readonly limit: number;
  readonly offset: number;
}

export function pageOf({ page, page_size: size }: Pick<ListQuery, 'page' | 'page_size'>): Page {
  const number = Math.max(1, page ?? 1);
  const limit = size === 0 ? unpagedSize : (size ?? defaultPageSize);
  return { number, limit, offset: (number - 1) * limit };
}

/** Tells of a page's neighbours and of the whole list's length, as Harbor's clients read them. */
export function describePage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: Page,
  total: number,
) {
  reply.header('x-total-count', total);
  const links: string[] = [];
  if (page.number > 1) links.push(link(request.url, page.number - 1, 'prev'));
  if (page.number * page.limit < total) links.push(link(request.url, page.number + 1, 'next'));
  if (links.length > 0) reply.header('link', links.join(' , '));
}

/** The path only, so that it holds whatever host the caller used. */
function link(url: string, number: number, relation: 'prev' | 'next'): string {
  const [path, query] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('page', String(number));
  return `<${path}?${parameters}>; rel="${relation}"`;
}
