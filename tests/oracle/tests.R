# F and t tests of fixed effects: Satterthwaite, Kenward-Roger, between-within, anova of three types.
# Run from this folder:  Rscript tests.R   Results only; data that is not in the package is made here.
suppressMessages({library(lmerTest); library(pbkrtest); library(nlme); library(jsonlite)})
source("models.R")
lmer <- lmerTest::lmer
# Unbalanced designs that lmerTest's and pbkrtest's examples stand for; y is made by sines, so that
# Python makes the same numbers.
wave <- function(i, a) sin(a * i) + sin(2.3 * a * i + 1)
made <- function(name) switch(name,
  ham = {                                   # consumers by products by information, some missing
    d <- expand.grid(info = c("1", "2"), product = as.character(1:4), consumer = 1:30)
    i <- seq_len(nrow(d))
    d$gender <- c("f", "m")[1 + (d$consumer %% 3 == 0)]
    d$y <- 5 + wave(d$consumer, 7.1) + 0.6 * wave(d$consumer * 10 + as.integer(d$product), 3.7) +
      0.3 * as.integer(d$product) * (d$info == "1") + wave(i, 12.9)
    d[i %% 7 != 3, ] },
  carrots = {                               # covariates by a factor, random slopes
    d <- expand.grid(product = LETTERS[1:12], consumer = 1:24)
    i <- seq_len(nrow(d))
    d$sens <- rep(round(wave(1:12, 5.3), 3), 24)
    d$size <- c("1", "3")[1 + (d$consumer %% 2)]
    d$y <- 4 + wave(d$consumer, 7.1) + (0.4 + 0.4 * wave(d$consumer, 4.9)) * d$sens + wave(i, 12.9)
    d[i %% 11 != 5, ] },
  cells = {                                 # an empty cell, an ordered factor, a covariate
    d <- expand.grid(a = c("p", "q", "r"), b = c("u", "v"), g = 1:12)
    i <- seq_len(nrow(d)); d$x <- round(wave(i, 2.1), 3); d$o <- c("lo", "mid", "hi")[1 + i %% 3]
    d$y <- wave(d$g, 7.1) + d$x * (d$a == "q") + wave(i, 12.9)
    d[i %% 5 != 2 & !(d$a == "r" & d$b == "u"), ] },
  full = {                                  # all cells filled, unbalanced
    d <- expand.grid(a = c("p", "q", "r"), b = c("u", "v"), g = 1:14)
    i <- seq_len(nrow(d)); d$x <- round(wave(i, 2.1), 3); d$o <- c("lo", "mid", "hi")[1 + (i * 7) %/% 4 %% 3]
    d$y <- wave(d$g, 7.1) + d$x * (d$a == "q") + (d$b == "v") * (d$o == "hi") + wave(i, 12.9)
    d[i %% 4 != 2, ] },
  beets = {                                 # a split plot
    d <- expand.grid(sow = as.character(1:5), harvest = c("h1", "h2"), block = as.character(1:3))
    i <- seq_len(nrow(d))
    d$y <- 17 + 0.3 * wave(as.integer(d$block), 1.3) + 0.1 * wave(as.integer(d$block) * 2 + (d$harvest == "h2"), 7.7) -
      0.3 * (d$harvest == "h2") - 0.1 * as.integer(d$sow) + 0.05 * wave(i, 12.9); d })
prepared <- function(name) {
  d <- if (name %in% c("ham", "carrots", "cells", "full", "beets")) made(name) else rd(name)
  for (v in intersect(names(d), c("info", "product", "consumer", "gender", "size", "a", "b", "g", "sow", "harvest", "block")))
    d[[v]] <- factor(d[[v]])
  if ("o" %in% names(d)) d$o <- factor(d$o, c("lo", "mid", "hi"), ordered = TRUE)
  d
}
MODELS <- list(
  sleepstudy = list("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
  sleepstudy_zero = list("sleepstudy", "Reaction ~ Days + (Days || Subject)"),
  exam = list("Exam", "normexam ~ standLRT + sex + (standLRT | school)"),
  penicillin = list("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
  cake = list("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)"),
  cake_temp = list("cake", "angle ~ recipe * temp + (1 | recipe:replicate)"),
  machines = list("Machines", "score ~ Machine + (Machine | Worker)"),
  machines_nested = list("Machines", "score ~ Machine + (1 | Worker/Machine)"),
  oats = list("Oats", "yield ~ Variety * nitro + (1 | Block/Variety)"),
  pixel = list("Pixel", "pixel ~ day + I(day^2) + (day | Dog) + (1 | Side:Dog)"),
  ergostool = list("ergoStool", "effort ~ Type + (1 | Subject)"),
  orthodont = list("Orthodont", "distance ~ age * Sex + (age | Subject)"),
  dyestuff2 = list("Dyestuff2", "Yield ~ 1 + (1 | Batch)"),
  classroom = list("classroom", "mathgain ~ mathkind + sex + minority + ses + housepov + (1 | schoolid/classid)"),
  ratpup = list("ratpup", "weight ~ treatment * sex + litsize + (1 | litter)"),
  rat_brain = list("rat_brain", "activate ~ region * treatment + (treatment | animal)"),
  veneer = list("veneer", "gcf ~ time + base.gcf + cda + age + (time | patient) + (1 | patient:tooth)"),
  autism = list("autism", "vsae ~ age * factor(sicdegp) + (age | childid)"),
  ham = list("ham", "y ~ product * info * gender + (1 | consumer) + (1 | consumer:product)"),
  carrots = list("carrots", "y ~ sens * size + (sens | consumer)"),
  cells = list("cells", "y ~ a * b + x + (1 | g)"),
  cells_none = list("cells", "y ~ 0 + a * b + (1 | g)"),
  full = list("full", "y ~ a * b * x + (1 | g)"),
  full_order = list("full", "y ~ o * x + a + (1 | g)"),
  full_none = list("full", "y ~ 0 + a * x + b + (1 | g)"),
  full_poly = list("full", "y ~ poly(x, 2) * a + (1 | g)"),
  full_sum = list("full", "y ~ C(a, sum) * b + (1 | g)"),
  full_margin = list("full", "y ~ a + a:b + x + (1 | g)"),
  beets = list("beets", "y ~ block + sow + harvest + (1 | block:harvest)")
)
num <- function(x) unname(as.numeric(x))
answer <- function(name) {
  spec <- MODELS[[name]]
  data <- prepared(spec[[1]])
  m <- suppressMessages(suppressWarnings(lmer(as.formula(spec[[2]]), data, control = TIGHT)))
  tests <- function(ddf) {
    s <- coef(summary(m, ddf = ddf))
    types <- lapply(c("3", "2", "1"), function(type) {
      a <- suppressMessages(anova(m, type = type, ddf = ddf))
      if (!nrow(a)) return(NULL)
      list(term = rownames(a), sum_sq = num(a$`Sum Sq`), num_df = num(a$NumDF), den_df = num(a$DenDF),
           f_value = num(a$`F value`), p_value = num(a$`Pr(>F)`))
    })
    names(types) <- c("3", "2", "1")
    list(std_error = num(s[, 2]), df = num(s[, 3]), statistic = num(s[, 4]), p_value = num(s[, 5]), anova = types)
  }
  out <- list(data = spec[[1]], formula = spec[[2]], names = names(fixef(m)),
              satterthwaite = tests("Satterthwaite"))
  if (nrow(data) < 5000) {
    out$kenward_roger <- tests("Kenward-Roger")
    out$vcov_kr <- unname(as.matrix(vcovAdj(m)))
  }
  p <- length(fixef(m))
  joint <- contestMD(m, diag(p))
  out$joint <- list(num_df = joint$NumDF, den_df = joint$DenDF, f_value = joint$`F value`)
  out
}
LME <- list(
  orthodont = list("Orthodont", "distance ~ age * Sex", "~ 1 | Subject", "(1 | Subject)"),
  oats = list("Oats", "yield ~ Variety * nitro", "~ 1 | Block/Variety", "(1 | Block/Variety)"),
  classroom = list("classroom", "mathgain ~ sex + ses + housepov + yearstea", "~ 1 | schoolid/classid", "(1 | schoolid/classid)"),
  no_intercept = list("Orthodont", "distance ~ 0 + Sex + age", "~ 1 | Subject", "(1 | Subject)"))
between <- lapply(LME, function(s) {
  data <- prepared(s[[1]])
  m <- lme(as.formula(s[[2]]), data, random = as.formula(s[[3]]))
  list(data = s[[1]], formula = paste(s[[2]], "+", s[[4]]), df = num(m$fixDF$X))
})
write(toJSON(list(models = sapply(names(MODELS), answer, simplify = FALSE), between = between),
             digits = 12, auto_unbox = TRUE, pretty = FALSE, na = "null"), "tests.json")
