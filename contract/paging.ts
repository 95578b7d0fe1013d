import { type Static, Type } from 'typebox';

export const defaultPageSize = 10;
const maximumPageSize = 100;
/** What `page_size=0`, "all", stands for. */
export const unpagedSize = 10_000;
const maximumFilterLength = 4_096;

/** The query of every list. */
export const ListQuery = Type.Object({
  page: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'From 1; 0 is taken as 1' }),
  ),
  page_size: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: maximumPageSize,
      description: `0: all, at most ${unpagedSize}. Default ${defaultPageSize}`,
    }),
  ),
  q: Type.Optional(
    Type.String({
      maxLength: maximumFilterLength,
      description: 'k=v, k=~v, k=[a~b], k={a b} or k=(a b), joined by commas',
    }),
  ),
  sort: Type.Optional(
    Type.String({
      maxLength: 256,
      description: 'Fields joined by commas, "-" before falling ones',
    }),
  ),
});
export type ListQuery = Static<typeof ListQuery>;
