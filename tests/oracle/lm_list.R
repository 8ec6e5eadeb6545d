# lme4's lmList, for tests/fit/test_group_regressions.py.
# Run: Rscript lm_list.R > lm_list.json    (lme4 1.1-31; classroom.csv is read from ../shared/data)
suppressMessages({library(lme4); library(mlmRev); library(jsonlite)})
room <- read.csv("../../../shared/data/classroom.csv")
Exam$girl <- as.numeric(Exam$sex == "F")
plain <- function(x) unname(unclass(as.matrix(x)))
answer <- function(m) {
  s <- summary(m)$coefficients
  pooled <- confint(m, pool = TRUE)
  alone <- confint(m, pool = FALSE)
  list(groups = rownames(coef(m)), terms = colnames(coef(m)), coef = plain(coef(m)),
       se = plain(s[, "Std. Error", ]), t = plain(s[, "t value", ]), p = plain(s[, "Pr(>|t|)", ]),
       sigma = sigma(m), df = summary(m)$df.residual,
       low = plain(pooled[, 1, ]), high = plain(pooled[, 2, ]),
       low_alone = plain(alone[, 1, ]), high_alone = plain(alone[, 2, ]))
}
cases <- list(
  exam = lmList(normexam ~ standLRT | school, Exam),
  sleep = lmList(Reaction ~ Days | Subject, sleepstudy),
  slope_only = lmList(Reaction ~ 0 + Days | Subject, sleepstudy))
# Columns that are constant within a group: lm leaves them out there. With weights lmList pools
# unweighted residuals; here they are weighted, as in lm.
by_hand <- function(f, d, g, weigh = FALSE) {
  fits <- lapply(split(d, d[[g]]), function(part) {
    part$wt <- if (weigh) part$w else rep(1, nrow(part))
    environment(f) <- environment()
    lm(f, part, weights = wt)
  })
  rss <- sum(sapply(fits, deviance))
  df <- sum(sapply(fits, df.residual))
  list(groups = names(fits), coef = plain(t(sapply(fits, coef))), sigma = sqrt(rss / df), df = df,
       rank = unname(sapply(fits, function(m) m$rank)))
}
sleepstudy$w <- rep(c(1, 2, 0.5), 60)
out <- c(suppressWarnings(lapply(cases, answer)), list(
  weights = by_hand(Reaction ~ Days, sleepstudy, "Subject", TRUE),
  girls = by_hand(normexam ~ standLRT + girl + schavg, Exam, "school"),
  rooms = by_hand(mathgain ~ mathkind + sex + mathprep + ses, room, "classid")))
cat(toJSON(out, digits = NA, na = "null", auto_unbox = TRUE), "\n")
