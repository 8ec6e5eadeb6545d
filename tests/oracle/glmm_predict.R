# Predictions of GLMMs with standard errors by TMB's generalised delta method. Run beside Contraception.csv and epil (MASS).
suppressMessages({library(glmmTMB); library(jsonlite); library(MASS)})
data_dir <- commandArgs(TRUE)[1]
con <- read.csv(file.path(data_dir, "Contraception.csv"))
con$use <- factor(con$use); con$urban <- factor(con$urban); con$district <- factor(con$district)
m <- glmmTMB(use ~ age + urban + (urban | district), con, family = binomial)
rows <- con[c(1, 500, 1000, 1900), ]
p <- predict(m, rows, se.fit = TRUE); r <- predict(m, rows, se.fit = TRUE, type = "response")
pop <- predict(m, rows, se.fit = TRUE, re.form = NA)
out <- list(contraception = list(rows = c(0, 499, 999, 1899), fit = unname(p$fit), se = unname(p$se.fit),
  response = unname(r$fit), response_se = unname(r$se.fit), population = unname(pop$fit), population_se = unname(pop$se.fit)))
cbpp <- read.csv(file.path(data_dir, "cbpp.csv")); cbpp$herd <- factor(cbpp$herd); cbpp$period <- factor(cbpp$period)
m <- glmmTMB(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, family = binomial)
p <- predict(m, cbpp[1:5, ], se.fit = TRUE)
out$cbpp <- list(fit = unname(p$fit), se = unname(p$se.fit))
set.seed(4)
g <- data.frame(g = rep(1:30, each = 6), x = round(rnorm(180), 3))
g$y <- round(rgamma(180, shape = 3, scale = exp(.5 + .4 * g$x + rep(rnorm(30, sd = .5), each = 6)) / 3), 4)
g$g <- factor(g$g)
m <- glmmTMB(y ~ x + (1 | g), g, family = Gamma("log"))
p <- predict(m, g[1:8, ], se.fit = TRUE)
out$gamma <- list(y = g$y, x = g$x, fit = unname(p$fit), se = unname(p$se.fit), loglik = as.numeric(logLik(m)))
write_json(out, "glmm_predict.json", digits = 12, auto_unbox = TRUE, pretty = TRUE)
