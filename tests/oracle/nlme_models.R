# gls and lme of nlme with residual structures and variance functions.
# Run in tests/oracle: Rscript nlme_models.R ../../../shared/data
library(nlme); library(jsonlite)
dir <- commandArgs(TRUE)[1]
read <- function(name) read.csv(file.path(dir, paste0(name, ".csv")))
gc <- glsControl(tolerance = 1e-12, msTol = 1e-14, maxIter = 500, msMaxIter = 1000, opt = "nlminb")
lc <- lmeControl(tolerance = 1e-12, msTol = 1e-14, maxIter = 500, msMaxIter = 1000, niterEM = 50,
                 msMaxEval = 5000, opt = "nlminb")
out <- list()
told <- function(m) {
  s <- m$modelStruct
  list(loglik = as.numeric(logLik(m)), fixef = as.numeric(if (inherits(m, "gls")) coef(m) else fixef(m)),
       se = as.numeric(sqrt(diag(vcov(m)))), sigma = m$sigma,
       cor = as.numeric(if (is.null(s$corStruct)) numeric(0) else coef(s$corStruct, unconstrained = FALSE)),
       var = as.numeric(if (is.null(s$varStruct)) numeric(0) else coef(s$varStruct, unconstrained = FALSE)),
       sd = if (inherits(m, "gls")) numeric(0) else
         as.numeric(unlist(lapply(rev(s$reStruct), function(x) sqrt(diag(as.matrix(x)))))) * m$sigma)
}
keep <- function(name, m) out[[name]] <<- tryCatch(told(m), error = function(e) { message(name, ": ", e$message); NULL })

# -- Orthodont: every structure of gls -------------------------------------------------------
O <- read("Orthodont"); O$Subject <- factor(O$Subject); O$visit <- match(O$age, c(8, 10, 12, 14))
O <- O[order(O$Subject, O$age), ]
f <- distance ~ age * Sex
id <- varIdent(form = ~ 1 | age)
g <- function(cor, w = NULL, method = "REML") gls(f, O, correlation = cor, weights = w, method = method, control = gc)
keep("o_cs", g(corCompSymm(form = ~ 1 | Subject)))
keep("o_csh", g(corCompSymm(form = ~ 1 | Subject), id))
keep("o_ar1", g(corAR1(form = ~ visit | Subject)))
keep("o_ar1_ml", g(corAR1(form = ~ visit | Subject), method = "ML"))
keep("o_ar1h", g(corAR1(form = ~ visit | Subject), id))
keep("o_us", g(corSymm(form = ~ visit | Subject), id))
keep("o_us_ml", g(corSymm(form = ~ visit | Subject), id, "ML"))
keep("o_toep", g(corARMA(form = ~ visit | Subject, p = 3)))
keep("o_toeph", g(corARMA(form = ~ visit | Subject, p = 3), id))
keep("o_car1", g(corCAR1(form = ~ age | Subject)))
keep("o_exp", g(corExp(form = ~ age | Subject)))
keep("o_gau", g(corGaus(form = ~ age | Subject)))
keep("o_exp_nugget", g(corExp(c(4, .3), form = ~ age | Subject, nugget = TRUE)))
keep("o_ident", g(NULL, varIdent(form = ~ 1 | Sex)))
keep("o_power", g(corAR1(form = ~ visit | Subject), varPower(form = ~ age)))
keep("o_exponential", g(NULL, varExp(form = ~ age)))
keep("o_cs_sex", g(corCompSymm(form = ~ 1 | Subject), varIdent(form = ~ 1 | Sex)))
# -- Orthodont: growth curves ----------------------------------------------------------------
keep("o_growth", lme(distance ~ age, O, ~ age | Subject, control = lc))
keep("o_growth_ident", lme(f, O, ~ 1 | Subject, weights = varIdent(form = ~ 1 | Sex), control = lc))
keep("o_growth_ident_slope", lme(f, O, ~ age | Subject, weights = varIdent(form = ~ 1 | Sex), control = lc))
keep("o_growth_ar1", lme(f, O, ~ 1 | Subject, correlation = corAR1(form = ~ visit | Subject), control = lc))
keep("o_intercept", lme(f, O, ~ 1 | Subject, control = lc))
# -- Ovary -----------------------------------------------------------------------------------
V <- read("Ovary"); V$Mare <- factor(V$Mare)
h <- follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time)
keep("ovary_gls", gls(h, V, correlation = corAR1(form = ~ 1 | Mare), control = gc))
keep("ovary_gls_ml", gls(h, V, correlation = corAR1(form = ~ 1 | Mare), method = "ML", control = gc))
keep("ovary_car1", gls(h, V, correlation = corCAR1(form = ~ Time | Mare), control = gc))
keep("ovary_lme", lme(h, V, ~ 1 | Mare, correlation = corAR1(form = ~ 1 | Mare), control = lc))
keep("ovary_lme_slope", lme(h, V, list(Mare = pdDiag(~ sin(2 * pi * Time))),
                            correlation = corAR1(form = ~ 1 | Mare), control = lc))
# -- BodyWeight ------------------------------------------------------------------------------
B <- read("BodyWeight"); B$Rat <- factor(B$Rat); B$Diet <- factor(B$Diet)
keep("body", lme(weight ~ Time * Diet, B, ~ Time | Rat, control = lc))
keep("body_exp", lme(weight ~ Time * Diet, B, ~ Time | Rat, correlation = corExp(form = ~ Time | Rat), control = lc))
keep("body_power_time", lme(weight ~ Time * Diet, B, ~ Time | Rat, weights = varPower(form = ~ Time), control = lc))
keep("body_power", lme(weight ~ Time * Diet, B, ~ Time | Rat, weights = varPower(), control = lc))
keep("body_power_exp", lme(weight ~ Time * Diet, B, ~ Time | Rat, weights = varPower(),
                           correlation = corExp(form = ~ Time | Rat), control = lc))
# -- Oxboys, Pixel, ergoStool, Machines ------------------------------------------------------
X <- read("Oxboys"); X$Subject <- factor(X$Subject)
keep("oxboys", lme(height ~ age + I(age^2), X, ~ age | Subject, correlation = corAR1(form = ~ 1 | Subject), control = lc))
P <- read("Pixel"); P$Dog <- factor(P$Dog); P$Side <- factor(P$Side)
keep("pixel", lme(pixel ~ day + I(day^2), P, list(Dog = ~ day, Side = ~ 1), weights = varIdent(form = ~ 1 | Side), control = lc))
E <- read("ergoStool"); E$Subject <- factor(E$Subject)
keep("ergo_cs", gls(effort ~ Type, E, correlation = corCompSymm(form = ~ 1 | Subject), control = gc))
keep("ergo_cs_ident", gls(effort ~ Type, E, correlation = corCompSymm(form = ~ 1 | Subject), weights = varIdent(form = ~ 1 | Type), control = gc))
M <- read("Machines"); M$Worker <- factor(M$Worker)
keep("machines_ident", lme(score ~ Machine, M, ~ 1 | Worker/Machine, weights = varIdent(form = ~ 1 | Machine), control = lc))
# -- West, Welch & Galecki -------------------------------------------------------------------
N <- read("veneer"); N$patient <- factor(N$patient); N$tooth <- factor(N$tooth); N <- N[order(N$patient, N$tooth, N$time), ]
vf <- gcf ~ time + base.gcf + cda + age + time:base.gcf + time:cda + time:age
keep("veneer_ident", lme(vf, N, list(patient = ~ time, tooth = ~ 1), weights = varIdent(form = ~ 1 | time), control = lc))
keep("veneer_cs", lme(vf, N, list(patient = pdSymm(~ time)), correlation = corCompSymm(form = ~ 1 | patient/tooth), control = lc))
A <- read("autism"); A <- A[complete.cases(A), ]; A$childid <- factor(A$childid); A$sicdegp <- factor(A$sicdegp)
A$age2 <- A$age - 2; A <- A[order(A$childid, A$age), ]
keep("autism", lme(vsae ~ age2 + I(age2^2) + sicdegp + age2:sicdegp, A, ~ 0 + age2 + I(age2^2) | childid, control = lc))
keep("autism_ident", lme(vsae ~ age2 + sicdegp + age2:sicdegp, A, ~ age2 | childid, weights = varIdent(form = ~ 1 | age), control = lc))
keep("autism_ar1", gls(vsae ~ age2 + sicdegp + age2:sicdegp, A, correlation = corCAR1(form = ~ age | childid), weights = varIdent(form = ~ 1 | age), control = gc))
R <- read("rat_brain"); R$animal <- factor(R$animal); R$treatment <- factor(R$treatment); R$region <- factor(R$region)
keep("rat_brain", lme(activate ~ region * treatment, R, ~ treatment | animal, control = lc))
keep("rat_brain_ident", lme(activate ~ region * treatment, R, ~ 1 | animal, weights = varIdent(form = ~ 1 | treatment), control = lc))
T <- read("ratpup"); T$litter <- factor(T$litter)
keep("ratpup_ident", lme(weight ~ treatment + sex + litsize, T, ~ 1 | litter, weights = varIdent(form = ~ 1 | treatment), control = lc))
# -- like Dialyzer and like Wheat2, simulated -----------------------------------------------
set.seed(20)
D <- expand.grid(index = 1:7, subject = 1:20); D$group <- ifelse(D$subject <= 10, "200", "300")
D$pressure <- round(c(.25, .5, 1, 1.5, 2, 2.5, 3)[D$index] + runif(140, -.02, .02), 3)
e <- as.numeric(sapply(1:20, function(i) arima.sim(list(ar = .75), 7, sd = sqrt(1 - .75^2))))
D$rate <- round(-15 + 55 * D$pressure - 9 * D$pressure^2 + ifelse(D$group == "300", 6 * D$pressure, 0) +
                2 * D$pressure^.5 * e, 3)
out$dialyzer_data <- as.list(D)
df <- rate ~ (pressure + I(pressure^2)) * group
keep("dialyzer_power", gls(df, D, weights = varPower(form = ~ pressure), control = gc))
keep("dialyzer_power_ar1", gls(df, D, weights = varPower(form = ~ pressure), correlation = corAR1(form = ~ 1 | subject), control = gc))
keep("dialyzer_fitted", gls(df, D, weights = varPower(), control = gc))
W <- expand.grid(row = 1:12, col = 1:12); W$variety <- factor(paste0("v", (W$row * 5 + W$col * 3) %% 9))
S <- exp(-as.matrix(dist(W[, 1:2])) / 3) * .8 + .2 * diag(144)
W$yield <- round(25 + as.numeric(W$variety) * .3 + as.numeric(4 * t(chol(S)) %*% rnorm(144)), 3); W$one <- 1
out$wheat_data <- as.list(lapply(W, function(x) if (is.factor(x)) as.character(x) else x))
keep("wheat_exp", gls(yield ~ variety, W, correlation = corExp(3, form = ~ row + col | one), control = gc))
keep("wheat_exp_nugget", gls(yield ~ variety, W, correlation = corExp(c(3, .2), form = ~ row + col | one, nugget = TRUE), control = gc))
keep("wheat_gau_nugget", gls(yield ~ variety, W, correlation = corGaus(c(3, .2), form = ~ row + col | one, nugget = TRUE), control = gc))
# -- like the trial of mmrm's example: arms, visits, visits missed ---------------------------
set.seed(31)
F <- expand.grid(visit = 1:4, subject = 1:60); F$arm <- ifelse(F$subject %% 2, "PBO", "TRT")
F$base <- round(rnorm(60, 40, 7), 1)[F$subject]
L <- chol(outer(c(6, 7, 8, 10), c(6, 7, 8, 10)) * (.5 + .5 * diag(4)) * outer(1:4, 1:4, function(i, j) .95^abs(i - j)))
F$fev <- round(20 + .4 * F$base + 3 * F$visit + (F$arm == "TRT") * 2 * F$visit +
               as.numeric(t(matrix(rnorm(240), 60) %*% L)), 2)
F <- F[runif(240) > .18, ]
out$trial_data <- as.list(F)
ff <- fev ~ base + arm * factor(visit)
iv <- varIdent(form = ~ 1 | visit)
h <- function(cor, w = NULL, m = "REML") gls(ff, F, correlation = cor, weights = w, control = gc, method = m)
keep("trial_us", h(corSymm(form = ~ visit | subject), iv))
keep("trial_us_ml", h(corSymm(form = ~ visit | subject), iv, "ML"))
keep("trial_cs", h(corCompSymm(form = ~ 1 | subject)))
keep("trial_csh", h(corCompSymm(form = ~ 1 | subject), iv))
keep("trial_ar1", h(corAR1(form = ~ visit | subject)))
keep("trial_ar1h", h(corAR1(form = ~ visit | subject), iv))
keep("trial_toep", h(corARMA(form = ~ visit | subject, p = 3)))
keep("trial_toeph", h(corARMA(form = ~ visit | subject, p = 3), iv))
write_json(out, "nlme_models.json", digits = NA, auto_unbox = TRUE)
