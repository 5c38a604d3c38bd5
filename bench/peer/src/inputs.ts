import * as z from "zod";

export const text = (max: number, min = 0) => z.string().trim().min(min).max(max);

export const Id = z.uuid().toLowerCase();

export const paging = {
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  page_size: z.coerce.number().int().min(1).default(20),
};

const MAX_PAGE_SIZE: Record<string, number> = { free: 50, pro: 100, premium: 200 };

export function pageOf({ page, page_size }: { page: number; page_size: number }, tier: string) {
  const size = Math.min(page_size, MAX_PAGE_SIZE[tier] ?? 50);
  return { page, size, offset: (page - 1) * size };
}
